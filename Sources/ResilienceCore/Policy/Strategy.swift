/// One layer of a policy: it decides whether, when and how often a call runs.
///
/// A strategy never sees the value that a call returns, only that `next` returned or what it threw. Every pattern of
/// this package is a strategy; write your own by conforming a type to this protocol and place it in a ``Policy`` like
/// any other.
///
/// `execute` runs on the caller's actor and so must `next`: neither may be handed to another task. In a module without
/// the upcoming feature `NonisolatedNonsendingByDefault`, write both as `nonisolated(nonsending)`.
public protocol Strategy: MetricSource {
    /// Runs the rest of the call, `next`, under this strategy.
    ///
    /// - Parameters:
    ///   - context: What is known about the call so far. Pass it on, changed or not.
    ///   - next: The layers inside this one, ending in the operation. May be called any number of times, one after
    ///     another.
    /// - Throws: What `next` threw, unchanged, or this strategy's own error.
    nonisolated(nonsending) func execute(
        _ context: Context,
        _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws

    /// The context a call starts with when this strategy is the outermost one.
    var rootContext: Context { get }

    /// This strategy as one layer, or the layers it is made of, outermost first.
    var layers: [LayerDescription] { get }

    /// Adds an observer that hears this strategy's events from now on. Does nothing in a strategy without events.
    func addObserver(_ observer: any PolicyObserver)

    /// What calls through this strategy pass as a whole; see ``StrategyWrapper`` for strategies that wrap another.
    @_documentation(visibility: internal)
    var _entrance: (any CallEntrance)? { get }
}

extension Strategy {
    /// A context without a policy name, on the continuous clock.
    public var rootContext: Context { .standalone }

    /// One layer, described by the name of the type.
    public var layers: [LayerDescription] { [LayerDescription(pattern: "\(Self.self)", strategy: self)] }

    /// Does nothing.
    public func addObserver(_ observer: any PolicyObserver) {}

    /// Adds nothing.
    public func collect(into metrics: inout MetricCollection) {}
}
