package import ResilienceCore

/// The delays of a backoff, one after another, for attempts that are no call's: to connect again, for example.
package struct BackoffDelays: Sendable {
    private let backoff: Backoff
    private let cap: Duration
    private let random: RandomSource
    private var memory = Jitter.Memory()
    private var attempt = 0
    private var previous: Duration?

    /// - Parameter cap: No delay is longer.
    package init(_ backoff: Backoff, cap: Duration, random: RandomSource) {
        (self.backoff, self.cap, self.random) = (backoff, cap, random)
    }

    /// The delay after one failure more. Where the backoff would give up, the longest, because these never give up.
    package mutating func next(after error: any Error) -> Duration {
        attempt = min(attempt + 1, 1_000)
        let failure = Backoff.Failure(error: error, attempt: attempt, step: attempt, previousDelay: previous)
        let delay = (try? backoff.delay(after: failure, cap: cap, &memory, random)).flatMap(\.self) ?? cap
        previous = delay
        return delay
    }

    /// Begins again, after a success.
    package mutating func reset() {
        (memory, attempt, previous) = (Jitter.Memory(), 0, nil)
    }
}
