public import ResilienceCore

extension CircuitBreaker {
    /// How long a breaker stays open.
    public struct BreakLength: Sendable {
        indirect enum Kind: Sendable {
            case fixed(Duration)
            case growing(from: Duration, factor: Double, upTo: Duration, jitter: Jitter)
            case custom(upTo: Duration, otherwise: BreakLength, @Sendable (BreakContext) -> Duration?)
            case serverHint(upTo: Duration, hintJitter: Double, otherwise: BreakLength)
        }

        let kind: Kind

        /// Always the same, at least 1 ns.
        public static func fixed(_ length: Duration) -> BreakLength { BreakLength(kind: .fixed(length)) }

        /// `from · factor^(n−1)` the n-th time in a row that the breaker opens without having closed, at most `upTo`.
        ///
        /// - Parameters:
        ///   - from: The first length, at least 1 ns. Default: 5 s.
        ///   - factor: By how much a break is longer than the one before, at least 1. Default: 2.
        ///   - upTo: The longest, at least `from`. Default: 60 s.
        ///   - jitter: How a length is varied, so that the breakers of a fleet do not all probe at once; never above
        ///     `upTo`. Not decorrelated, which is for delays of one call. Default: a tenth up and down.
        public static func growing(
            from: Duration = .seconds(5), factor: Double = 2, upTo: Duration = .seconds(60),
            jitter: Jitter = .ratio(0.1)
        ) -> BreakLength {
            BreakLength(kind: .growing(from: from, factor: factor, upTo: upTo, jitter: jitter))
        }

        /// From a function, for example of the last error.
        ///
        /// - Parameters:
        ///   - upTo: The longest, at least 1 ns.
        ///   - otherwise: What applies where the function gives `nil` or nothing positive. Default:
        ///     ``growing(from:factor:upTo:jitter:)``.
        ///   - length: The function. It runs outside the breaker's lock.
        public static func custom(
            upTo: Duration, otherwise: BreakLength = .growing(),
            _ length: @escaping @Sendable (BreakContext) -> Duration?
        ) -> BreakLength {
            BreakLength(kind: .custom(upTo: upTo, otherwise: otherwise, length))
        }

        /// What the error that opened the breaker says (``/ResilienceCore/RetryAfterProviding``), such as a server's
        /// `Retry-After`.
        ///
        /// - Parameters:
        ///   - upTo: The longest, at least 1 ns.
        ///   - hintJitter: By up to what share of itself a length is longer, in 0...1, and never shorter: breakers
        ///     that were told the same end their breaks spread from then on. Default: 0.2.
        ///   - otherwise: What applies where the error says nothing. Default: ``growing(from:factor:upTo:jitter:)``.
        public static func serverHint(
            upTo: Duration, hintJitter: Double = 0.2, otherwise: BreakLength = .growing()
        ) -> BreakLength {
            BreakLength(kind: .serverHint(upTo: upTo, hintJitter: hintJitter, otherwise: otherwise))
        }

        func check(_ check: inout ConfigurationCheck, _ field: String = "breakLength") {
            switch kind {
            case .fixed(let length): check.require(positive: field, length)
            case .growing(let from, let factor, let upTo, let jitter):
                check.require(positive: "\(field).from", from)
                check.require(growth: "\(field).factor", factor)
                check.require(
                    upTo >= from && upTo <= .nanoseconds(Int64.max), "\(field).upTo", "\(upTo)",
                    "is outside \(field).from (\(from))...292 years")
                jitter.check(&check, "\(field).jitter", remembers: false)
            case .custom(let upTo, let otherwise, _):
                check.require(positive: "\(field).upTo", upTo)
                otherwise.check(&check, "\(field).otherwise")
            case .serverHint(let upTo, let hintJitter, let otherwise):
                check.require(positive: "\(field).serverHint.upTo", upTo)
                check.require("\(field).serverHint.hintJitter", hintJitter, in: 0...1)
                otherwise.check(&check, "\(field).serverHint.otherwise")
            }
        }

        /// The length of the first break, without jitter and without asking a function.
        var first: Duration {
            switch kind {
            case .fixed(let length): length
            case .growing(let from, _, _, _): from
            case .custom(let upTo, let otherwise, _), .serverHint(let upTo, _, let otherwise):
                min(otherwise.first, upTo)
            }
        }

        /// The length of a break, at least 1 ns.
        func length(_ context: BreakContext, _ random: RandomSource) -> Duration {
            switch kind {
            case .fixed(let length): return length
            case .growing(let from, let factor, let upTo, let jitter):
                let grown = ExponentialGrowth(from: from, factor: factor).delay(context.consecutiveOpens)
                return max(.nanoseconds(1), jitter.vary(min(grown, upTo), cap: upTo, random))
            case .custom(let upTo, let otherwise, let function):
                return Self.bounded(function(context), upTo) ?? otherwise.length(context, random)
            case .serverHint(let upTo, let hintJitter, let otherwise):
                guard let asked = Self.bounded(context.error.flatMap(Self.hint), upTo) else {
                    return otherwise.length(context, random)
                }
                guard hintJitter > 0 else { return asked }
                return min(asked.prolonged(by: hintJitter * random.next()), max(asked, .nanoseconds(Int64.max)))
            }
        }

        /// What an error says or, if it says nothing, the one that it wraps.
        private static func hint(_ error: any Error) -> Duration? {
            (error as? any RetryAfterProviding)?.retryAfter
                ?? (unwrapped(error) as? any RetryAfterProviding)?.retryAfter
        }

        private static func bounded(_ length: Duration?, _ upTo: Duration) -> Duration? {
            guard let length, length >= .nanoseconds(1) else { return nil }
            return min(length, upTo)
        }
    }

    /// What a break's length may depend on.
    public struct BreakContext: Sendable {
        /// How many times in a row the breaker has opened without having closed, this time included: 1 for the first.
        public let consecutiveOpens: Int
        /// The error of the call that opened the breaker; `nil` if it did not fail, or the breaker was opened by hand.
        public let error: (any Error)?
        /// The counts that made it open.
        public let counts: Counts

        /// The value that was not accepted, if the call that opened the breaker returned one of this type.
        public func value<Value: Sendable>(as type: Value.Type = Value.self) -> Value? {
            error.flatMap { unacceptedResult(in: $0)?.value(as: type) }
        }
    }
}
