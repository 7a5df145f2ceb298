public import ResilienceCore

/// The probe within which the current task runs, so that a call through the same breaker inside is not another one.
///
/// Set only around probes: a closed breaker pays nothing for it.
final class ProbeScope: Sendable {
    @TaskLocal private static var innermost: ProbeScope?

    /// Kept, so that no other breaker is at its address while the scope lasts.
    private let breaker: CircuitBreaker
    private let number: UInt64
    private let outer: ProbeScope?
    private let background = Background.current

    private init(_ breaker: CircuitBreaker, _ number: UInt64, within outer: ProbeScope?) {
        self.breaker = breaker
        self.number = number
        self.outer = outer
    }

    /// The innermost probe; none for what a probe has begun in the background.
    private static var current: ProbeScope? {
        guard let innermost, innermost.background === Background.current else { return nil }
        return innermost
    }

    /// The numbers of a breaker's probes within which the current task runs, innermost first.
    static func numbers(of breaker: CircuitBreaker) -> [UInt64] {
        var numbers: [UInt64] = []
        var scope = current
        while let present = scope {
            if present.breaker === breaker { numbers.append(present.number) }
            scope = present.outer
        }
        return numbers
    }

    /// Runs the rest of a probe.
    ///
    /// `TaskLocal.withValue` runs a closure off the actor unless the closure captures an isolated parameter. Besides,
    /// Swift 6.3 drops the hop to that parameter's actor where nothing opaque comes before what is awaited, and leaves
    /// the actor with an error that is thrown across; so it is returned.
    static func run(
        _ isolation: isolated (any Actor)?, _ breaker: CircuitBreaker, _ number: UInt64, _ context: Context,
        _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async -> (any Error)? {
        pin()
        let scope = ProbeScope(breaker, number, within: current)
        let error: (any Error)? = await $innermost.withValue(scope) {
            _ = isolation
            pin()
            do {
                try await next(context)
                return nil
            } catch {
                return error
            }
        }
        pin()
        return error
    }

    /// Something that the compiler cannot see through.
    @inline(never)
    private static func pin() {
        withUnsafeCurrentTask { _ in }
    }
}

extension CircuitBreaker {
    /// Runs the rest of a call that is a probe.
    @usableFromInline
    nonisolated(nonsending) func executeProbe(
        _ admission: Admission, _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        if let error = await ProbeScope.run(#isolation, self, admission.gate.number, context, next) {
            failed(admission, error, context)
            throw error
        }
        succeeded(admission)
    }
}
