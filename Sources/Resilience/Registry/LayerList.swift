internal import ResilienceCore

/// Strategies whose types are known only at run time, one inside the next: the layers of a policy that a document
/// describes. Slower than layers composed in code, which the compiler sees through.
struct LayerList: Strategy {
    let strategies: [any Strategy]
    private let outermost: any Strategy

    init(strategies: [any Strategy]) {
        self.strategies = strategies
        var layers = strategies[...]
        var composed: any Strategy = layers.popLast() ?? NoLayer()
        while let outer = layers.popLast() { composed = Pair(outer: outer, inner: composed) }
        outermost = composed
    }

    func execute(_ context: Context, _ next: (Context) async throws -> Void) async throws {
        try await outermost.execute(context, next)
    }

    private struct Pair: Strategy {
        let outer: any Strategy
        let inner: any Strategy

        func execute(_ context: Context, _ next: (Context) async throws -> Void) async throws {
            try await outer.execute(context) { context in
                try await inner.execute(context, next)
            }
        }
    }

    private struct NoLayer: Strategy {
        func execute(_ context: Context, _ next: (Context) async throws -> Void) async throws {
            try await next(context)
        }
    }

    var layers: [LayerDescription] { strategies.flatMap(\.layers) }

    func addObserver(_ observer: any PolicyObserver) {
        for strategy in strategies { strategy.addObserver(observer) }
    }

    func collect(into metrics: inout MetricCollection) {
        for strategy in strategies { metrics.collect(strategy) }
    }
}
