/// Where the nodes of a fleet meet to share the state of their circuits.
///
/// A store is a place and a few rules, the same in each: ``SharedCircuitRecord`` has them as a pure value, for stores
/// that can hold one and change it in one step. A store over a network has them as a script.
///
/// Nothing that a call waits for asks a store. It may be slow and may fail; it must answer or throw in bounded time.
/// All members may be used from any task at once.
public protocol CircuitStore: Sendable {
    /// Merges what a node has counted, does what it asks for, decides whether the fleet's circuit opens, and tells what
    /// is known then. One atomic step: two nodes' exchanges come one after the other.
    ///
    /// The same report may come twice, and reports of a node in another order than they were sent.
    ///
    /// - Throws: `SharedStateError`. Something new is no error.
    func exchange(_ report: CircuitReport) async throws -> SharedCircuit

    /// Tells each change of the phase of some circuits as it happens, from any node, until the task is cancelled.
    ///
    /// It may miss some, while a connection is lost for example: nodes ask from time to time in any case.
    ///
    /// - Parameters:
    ///   - circuits: The names of the circuits.
    ///   - onChange: Called with a name and the state, one after the other.
    /// - Throws: `SharedStateError` when it cannot listen any longer; `CancellationError` once cancelled.
    func changes(
        of circuits: [String], onChange: @escaping @Sendable (_ circuit: String, _ state: SharedCircuit) -> Void
    ) async throws
}
