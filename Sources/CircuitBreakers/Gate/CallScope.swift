public import ResilienceCore
internal import Synchronization

/// The call within which the current task runs, so that a call through the same breaker inside is not another one.
///
/// Set around probes, and around the calls of a closed breaker that is a layer more than once: any other pays nothing
/// for it.
final class CallScope: Sendable {
    @TaskLocal private static var innermost: CallScope?

    /// Kept, so that no other breaker is at its address while the scope lasts.
    private let breaker: CircuitBreaker
    private let gate: Gate
    private let outer: CallScope?
    private let background = Background.current
    /// A task that the call leaves behind makes calls of its own.
    private let isOver = Atomic(false)

    private init(_ breaker: CircuitBreaker, _ gate: Gate, within outer: CallScope?) {
        self.breaker = breaker
        self.gate = gate
        self.outer = outer
    }

    /// The innermost call; none for what a call has begun in the background.
    private static var current: CallScope? {
        guard let innermost, innermost.background === Background.current else { return nil }
        return innermost
    }

    /// The breaker's calls within which the current task runs, innermost first.
    static func gates(of breaker: CircuitBreaker) -> [Gate] {
        var gates: [Gate] = []
        var scope = current
        while let present = scope {
            if present.breaker === breaker, !present.isOver.load(ordering: .relaxed) { gates.append(present.gate) }
            scope = present.outer
        }
        return gates
    }

    /// Runs the rest of a call.
    ///
    /// - Returns: What it throws.
    static func run(
        _ isolation: isolated (any Actor)?, _ breaker: CircuitBreaker, _ gate: Gate, _ context: Context,
        _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async -> (any Error)? {
        let scope = CallScope(breaker, gate, within: current)
        let error = await $innermost.binding(scope, isolation) { try await next(context) }
        scope.isOver.store(true, ordering: .relaxed)
        return error
    }
}

extension CircuitBreaker {
    /// Runs the rest of a call that others inside may belong to, or that belongs to another.
    @usableFromInline
    nonisolated(nonsending) func executeMarked(
        _ admission: Admission, _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        if admission.gate.isWithinCall { return try await next(context) }
        if let error = await CallScope.run(#isolation, self, admission.gate, context, next) {
            failed(admission, error, context)
            throw error
        }
        succeeded(admission)
    }
}
