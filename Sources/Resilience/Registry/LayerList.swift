internal import ResilienceCore

/// Strategies whose types are known only at run time, one inside the next: the layers of a policy that a document
/// describes. Slower than layers composed in code, which the compiler sees through.
///
/// No `StrategyWrapper`, which has to know the type of the one inside, and does not hand on the synchronous way.
struct LayerList: Strategy {
    let strategies: [any Strategy]
    private let outermost: any Strategy

    init(strategies: [any Strategy]) {
        self.strategies = strategies
        var layers = strategies[...]
        var composed: any Strategy = layers.popLast() ?? NoStrategy()
        while let outer = layers.popLast() { composed = Self.chain(outer, composed) }
        outermost = composed
    }

    /// Opens both, whose types are known within.
    private static func chain(_ outer: some Strategy, _ inner: some Strategy) -> any Strategy { Chain(outer, inner) }

    func execute(_ context: Context, _ next: (Context) async throws -> Void) async throws {
        try await outermost.execute(context, next)
    }

    var layers: [LayerDescription] { strategies.flatMap(\.layers) }

    func addObserver(_ observer: any PolicyObserver) {
        for strategy in strategies { strategy.addObserver(observer) }
    }

    func collect(into metrics: inout MetricCollection) {
        for strategy in strategies { metrics.collect(strategy) }
    }

    var _entrance: (any CallEntrance)? { outermost._entrance }

    // MARK: The synchronous way

    var _depth: Int { outermost._depth }

    var _size: Int { outermost._size }

    var _isTransparent: Bool { outermost._isTransparent }

    func _enter(_ passage: inout Passage, at offset: Int, _ refusal: inout (any Error)?) -> Int {
        outermost._enter(&passage, at: offset, &refusal)
    }

    func _leave(_ passage: inout Passage, at offset: Int) {
        outermost._leave(&passage, at: offset)
    }

    func _fail(
        _ passage: inout Passage, at offset: Int, entered: Int, _ error: inout any Error, _ context: Context
    ) -> Int {
        outermost._fail(&passage, at: offset, entered: entered, &error, context)
    }

    nonisolated(nonsending) func _resume(
        _ passage: inout Passage, at offset: Int, _ position: Int, _ error: (any Error)?, _ context: Context,
        _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        try await outermost._resume(&passage, at: offset, position, error, context, next)
    }

    func _inside(_ passage: inout Passage, at offset: Int, _ context: Context) -> Context {
        outermost._inside(&passage, at: offset, context)
    }

    func _describe(
        _ passage: inout Passage, at offset: Int, entered: Int, isRefused: Bool, _ reports: inout CallReports
    ) {
        outermost._describe(&passage, at: offset, entered: entered, isRefused: isRefused, &reports)
    }
}
