public import ResilienceCore

/// Calls within calls of the same breaker.
///
/// Marked are probes, and the calls of a closed breaker that is a layer more than once: any other pays nothing for it.
extension CircuitBreaker {
    /// The breaker's calls within which the current task runs, innermost first.
    var gatesAround: [CircuitBreakerGate] { MarkedCall.marks(of: self).map { CircuitBreakerGate(word: $0) } }

    /// Runs the rest of a call that others inside may belong to, or that belongs to another.
    @usableFromInline
    nonisolated(nonsending) func executeMarked(
        _ admission: Admission, _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        if admission.gate.isWithinCall { return try await next(context) }
        if let error = await MarkedCall.run(#isolation, self, admission.gate.word, context, next) {
            failed(admission, error, context)
            throw error
        }
        succeeded(admission)
    }
}
