internal import ResilienceCore

/// Strategies whose types are known only at run time, one inside the next: the layers of a policy that a document
/// describes. Slower than layers composed in code, which the compiler sees through.
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
}
