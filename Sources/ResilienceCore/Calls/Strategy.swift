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

    /// Whether there is such a thing, without a copy of it.
    @_documentation(visibility: internal)
    var _isGuarded: Bool { get }

    /// Whether that is the first thing a call passes, so that the layers behind it can be entered once it is in.
    @_documentation(visibility: internal)
    var _isGated: Bool { get }

    // MARK: The synchronous way
    //
    // What the patterns of this package implement in addition to `execute`, so that a call which meets no obstacle is
    // two steps around one direct await of the operation. A strategy that implements none of it is run by `execute`.
    // The defaults are in `Passage.swift`; what takes the steps is `pass` in `Strategy+Execute.swift`.

    /// How many layers this is on the synchronous way.
    @_documentation(visibility: internal)
    var _depth: Int { get }

    /// How many bytes the layers remember between the steps, a multiple of eight.
    @_documentation(visibility: internal)
    var _size: Int { get }

    /// Lets a call into the layers, outermost first, as far as that can be decided at once.
    ///
    /// - Parameter refusal: The error of a layer that refuses the call.
    /// - Returns: How many layers the call has entered: all, or those before the one that refuses or has to wait.
    @_documentation(visibility: internal)
    func _enter(_ passage: inout Passage, at offset: Int, _ refusal: inout (any Error)?) -> Int

    /// Leaves all layers, innermost first, after the operation has succeeded.
    @_documentation(visibility: internal)
    func _leave(_ passage: inout Passage, at offset: Int)

    /// Leaves the layers that were entered, innermost first, with an error, which a layer may replace.
    ///
    /// - Returns: `Int.left`, or the number of the layer that goes on with the call, which has not been left.
    @_documentation(visibility: internal)
    func _fail(
        _ passage: inout Passage, at offset: Int, entered: Int, _ error: inout any Error, _ context: Context
    ) -> Int

    /// Goes on with a call in one layer, nested inside of those further out, which are left when it ends.
    ///
    /// - Parameters:
    ///   - position: The layer: one that has failed and goes on, or that could not be entered at once.
    ///   - error: What it has failed with; `nil` if it has not been entered.
    @_documentation(visibility: internal)
    nonisolated(nonsending) func _resume(
        _ passage: inout Passage, at offset: Int, _ position: Int, _ error: (any Error)?, _ context: Context,
        _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws

    /// The context inside of the layers that a call has entered.
    @_documentation(visibility: internal)
    func _inside(_ passage: inout Passage, at offset: Int, _ context: Context) -> Context

    /// Whether the context is the same inside as outside.
    @_documentation(visibility: internal)
    var _isTransparent: Bool { get }

    /// Adds what the layers that a call was let into, or that refused it at once, have to tell an ``Execution``.
    @_documentation(visibility: internal)
    func _describe(
        _ passage: inout Passage, at offset: Int, entered: Int, isRefused: Bool, _ reports: inout CallReports)

    /// What the rules that were declared for values make of this one; `nil` if they accept it.
    @_documentation(visibility: internal)
    func _failure<Value>(of value: Value) -> (any Error)?
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
