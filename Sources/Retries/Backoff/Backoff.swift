public import ResilienceCore

/// How long to wait before each retry.
///
/// The delay before the n-th retry, that is after the n-th failed attempt, is the formula's, varied by the jitter, and
/// never above ``Retry/Configuration/maxDelay``. Growing backoffs are jittered unless told otherwise; a constant, a
/// list and a function are taken at their word.
public struct Backoff: Sendable {
    enum Kind: Sendable {
        case constant(Duration)
        case linear(from: Duration, by: Duration)
        case exponential(from: Duration, factor: Double)
        case fibonacci(from: Duration)
        case list([Duration])
        case custom(@Sendable (Failure) throws -> Duration?)
    }

    var kind: Kind

    /// How delays are varied.
    public var jitter: Jitter

    /// Retries without a delay.
    public static let immediate = constant(.zero)

    /// Always the same delay, zero or more.
    public static func constant(_ delay: Duration, jitter: Jitter = .none) -> Backoff {
        Backoff(kind: .constant(delay), jitter: jitter)
    }

    /// `from`, `from + by`, `from + 2·by` …, both zero or more. By default `by` is as long as `from`.
    public static func linear(
        from: Duration = .milliseconds(100), by step: Duration? = nil, jitter: Jitter = .full
    ) -> Backoff {
        Backoff(kind: .linear(from: from, by: step ?? from), jitter: jitter)
    }

    /// `from · factor^(n−1)`. `from` zero or more, `factor` at least 1.
    public static func exponential(
        from: Duration = .milliseconds(100), factor: Double = 2, jitter: Jitter = .full
    ) -> Backoff {
        Backoff(kind: .exponential(from: from, factor: factor), jitter: jitter)
    }

    /// `from` times 1, 1, 2, 3, 5, 8 …: slower than doubling. `from` zero or more.
    public static func fibonacci(from: Duration = .milliseconds(100), jitter: Jitter = .full) -> Backoff {
        Backoff(kind: .fibonacci(from: from), jitter: jitter)
    }

    /// The delays of a list, one after another, each zero or more; the last of them again where there are no more.
    public static func list(_ delays: [Duration], jitter: Jitter = .none) -> Backoff {
        Backoff(kind: .list(delays), jitter: jitter)
    }

    /// From a function of the failure; `nil` gives up. A negative delay is none.
    ///
    /// An error that the function throws ends the call in place of the operation's.
    public static func custom(
        jitter: Jitter = .none, _ delay: @escaping @Sendable (Failure) throws -> Duration?
    ) -> Backoff {
        Backoff(kind: .custom(delay), jitter: jitter)
    }

    /// What a delay may depend on.
    public struct Failure: Sendable {
        /// The error of the attempt; `UnacceptedResultError` for a value that was not accepted.
        public let error: any Error
        /// Which attempt failed: 1 for the first.
        public let attempt: Int
        /// Which step of the backoff this is: 1 for the first failure, and again for the first after a delay that a
        /// server asked for. What grows grows by this.
        public let step: Int
        /// The delay of the step before; `nil` for the first step.
        public let previousDelay: Duration?

        /// The value that was not accepted, if the attempt returned one of this type.
        public func value<Value: Sendable>(as type: Value.Type = Value.self) -> Value? {
            unacceptedResult(in: error)?.value(as: type)
        }
    }

    /// The delay after a failure, at most `cap`; `nil` to give up.
    func delay(
        after failure: Failure, cap: Duration, _ memory: inout Jitter.Memory, _ random: RandomSource
    ) throws -> Duration? {
        guard let delay = try unvaried(failure) else { return nil }
        return jitter.vary(delay.clamped(to: .zero...cap), cap: cap, &memory, random)
    }

    private func unvaried(_ failure: Failure) throws -> Duration? {
        let retry = failure.step
        switch kind {
        case .constant(let delay): return delay
        case .linear(let from, let step):
            let growth = step.multipliedSaturated(by: Double(retry - 1))
            return .nanoseconds(from.saturatedNanoseconds.addingSaturated(growth.saturatedNanoseconds))
        case .exponential(let from, let factor):
            return ExponentialGrowth(from: from, factor: factor).delay(retry)
        case .fibonacci(let from): return from.multipliedSaturated(by: Self.fibonacci(retry))
        case .list(let delays): return delays[min(retry, delays.count) - 1]
        case .custom(let function): return try function(failure)
        }
    }

    /// 1, 1, 2, 3 …; beyond the 100th the same as that, for no delay can be longer than some 10^19 of any unit.
    private static func fibonacci(_ number: Int) -> Double {
        var (this, next) = (1.0, 1.0)
        for _ in 1..<min(max(number, 1), 100) { (this, next) = (next, this + next) }
        return this
    }

    /// Finds what is wrong with it.
    package func check(_ check: inout ConfigurationCheck) {
        switch kind {
        case .constant(let delay): check.require(notNegative: "backoff.constant", delay)
        case .linear(let from, let step):
            check.require(notNegative: "backoff.from", from)
            check.require(notNegative: "backoff.by", step)
        case .exponential(let from, let factor):
            check.require(notNegative: "backoff.from", from)
            check.require(growth: "backoff.factor", factor)
        case .fibonacci(let from): check.require(notNegative: "backoff.from", from)
        case .list(let delays):
            check.require(!delays.isEmpty, "backoff.list", "[]", "is empty")
            for (index, delay) in delays.enumerated() { check.require(notNegative: "backoff.list[\(index)]", delay) }
        case .custom: break
        }
        jitter.check(&check, "backoff.jitter", remembers: true)
    }
}
