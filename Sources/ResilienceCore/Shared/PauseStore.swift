/// Where the nodes of a fleet tell each other that a service has asked to wait.
///
/// A pause of a service is the time until its end; of several that were announced the last end holds. Nothing that a
/// call waits for asks a store. All members may be used from any task at once, and must answer or throw in bounded
/// time.
public protocol PauseStore: Sendable {
    /// Announces a pause, and tells how long the service is paused: the longer of this and of what was announced
    /// before. One atomic step.
    ///
    /// - Parameters:
    ///   - service: The service's name: the same on all nodes. Any text.
    ///   - delay: How long, 24 hours at most; zero or less only asks.
    /// - Returns: What is left of the pause; zero if there is none.
    /// - Throws: `SharedStateError`. A service of which nothing is known is no error.
    func pause(_ service: String, for delay: Duration) async throws -> Duration

    /// Tells each pause that is announced and is longer than those before, of any service and by any node, until the
    /// task is cancelled.
    ///
    /// It may miss some, while a connection is lost for example.
    ///
    /// - Parameter onPause: Called with the service's name and how long it is paused, one after the other.
    /// - Throws: `SharedStateError` when it cannot listen any longer; `CancellationError` once cancelled.
    func pauses(onPause: @escaping @Sendable (_ service: String, _ remaining: Duration) -> Void) async throws
}
