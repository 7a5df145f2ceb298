internal import ResilienceCore

/// Strategies whose types are known only at run time, one inside the next: the layers of a policy that a document
/// describes. Slower than layers composed in code, which the compiler sees through.
struct LayerList: Strategy {
    let strategies: [any Strategy]

    func execute(_ context: Context, _ next: (Context) async throws -> Void) async throws {
        try await run(0, context, next)
    }

    private func run(_ index: Int, _ context: Context, _ next: (Context) async throws -> Void) async throws {
        guard index < strategies.count else { return try await next(context) }
        try await strategies[index].execute(context) { context in try await run(index + 1, context, next) }
    }

    var layers: [LayerDescription] { strategies.flatMap(\.layers) }

    func addObserver(_ observer: any PolicyObserver) {
        for strategy in strategies { strategy.addObserver(observer) }
    }
}
