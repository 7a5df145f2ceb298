internal import ResilienceCore

/// Asks the breaker around the state machine to run the user's code and come back with ``CircuitBreakerState/open`` or
/// ``CircuitBreakerState/report``. A class, so that the usual answer, none, is one word.
final class TripRequest: Sendable {
    typealias Predicate = @Sendable (CircuitBreaker.Counts) -> Bool

    let generation: UInt64
    /// When the break begins, if that was before it was noticed.
    let moment: TimeSource.Instant?
    /// Whether the breaker only observes: then there is to be no break, and its length is not asked for.
    let isObserving: Bool
    /// The rule that holds; `nil` if it is for the predicates to say.
    let reason: CircuitBreaker.Reason?
    /// The predicates to ask, each with its place among the rules.
    let predicates: [(rule: Int, holds: Predicate)]
    let counts: CircuitBreaker.Counts
    let consecutiveOpens: Int
    let breakLength: CircuitBreaker.BreakLength

    init(
        _ state: CircuitBreakerState, _ reason: CircuitBreaker.Reason?, at moment: TimeSource.Instant?,
        predicates: [(rule: Int, holds: Predicate)]
    ) {
        generation = state.generation
        self.moment = moment
        isObserving = state.state == .observing
        self.reason = reason
        self.predicates = predicates
        counts = state.counts
        consecutiveOpens = state.consecutiveOpens.addingSaturated(1)
        breakLength = state.configuration.breakLength
    }
}
