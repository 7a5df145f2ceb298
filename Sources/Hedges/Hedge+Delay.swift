public import ResilienceCore

extension Hedge {
    /// When the next hedge starts, if no attempt has succeeded by then: how long after the attempt before it.
    ///
    /// A failure starts the next hedge without waiting, whatever the delay; the one after it counts from then on.
    public struct Delay: Sendable {
        enum Kind: Sendable {
            case fixed(Duration)
            case list([Duration])
            case percentile(Percentile)
            case custom(@Sendable (Context) -> Duration?)
            case never
        }

        struct Percentile: Sendable {
            let share: Double
            let window: Int
            let warmUp: Int
            let minimum: Duration
            let fallback: Duration?
        }

        let kind: Kind

        /// How long after the call's start the hedges of so many start, as far as that is fixed: the first and the
        /// last.
        package func starts(of hedges: Int) -> [Duration] {
            switch kind {
            case .fixed(let delay): [delay, delay.multipliedSaturated(by: Double(hedges))]
            case .list(let delays):
                delays.first.map { first in
                    [first, (0..<hedges).reduce(.zero) { $0 + delays[min($1, delays.count - 1)] }]
                } ?? []
            case .percentile, .custom, .never: []
            }
        }

        /// All attempts at once: a fixed delay of zero. Multiplies the load by the number of attempts.
        public static let immediate = fixed(.zero)

        /// A hedge only follows a failure: there are never two attempts at a time.
        public static let onlyAfterFailure = Delay(kind: .never)

        /// Always the same delay, zero or more.
        public static func fixed(_ delay: Duration) -> Delay {
            Delay(kind: .fixed(delay))
        }

        /// The delays of a list, one after another, each zero or more; the last of them again where there are no more.
        public static func list(_ delays: [Duration]) -> Delay {
            Delay(kind: .list(delays))
        }

        /// From a function, asked for each hedge. The context's `attempt` is that of the hedge: 2 for the first. `nil`
        /// means that time starts no more hedges; zero or less, that this one starts at once.
        public static func custom(_ delay: @escaping @Sendable (Context) -> Duration?) -> Delay {
            Delay(kind: .custom(delay))
        }

        /// When a call takes longer than this share of recent calls did, so that about the rest of them is hedged: for
        /// the 95th percentile one call in twenty; none where all take the same. After Dean and Barroso, "The Tail at
        /// Scale", CACM 2013.
        ///
        /// Measured are the primaries: those that succeeded; and those that a hedge overtook, with the time that they
        /// had taken by then, so that hedging does not make the service look faster than it is.
        ///
        /// - Parameters:
        ///   - share: Above 0 and below 1. Default: 0.95. Exact, by nearest rank.
        ///   - window: How many latencies are remembered, 10 to 10 000. Default: 1000; costs 16 bytes for each.
        ///   - warmUp: How many there must be for the percentile to apply, 1 to `window`. Default: 100.
        ///   - minimum: The delay is never shorter, zero or more. Default: 1 ms.
        ///   - fallback: The delay during warm-up, zero or more. Default: `nil`, hedges only follow failures.
        public static func percentile(
            _ share: Double = 0.95, window: Int = 1_000, warmUp: Int = 100, minimum: Duration = .milliseconds(1),
            fallback: Duration? = nil
        ) -> Delay {
            Delay(
                kind: .percentile(
                    Percentile(share: share, window: window, warmUp: warmUp, minimum: minimum, fallback: fallback)))
        }

        var percentile: Percentile? {
            if case .percentile(let percentile) = kind { percentile } else { nil }
        }

        /// The delay before an attempt, which is that of the context.
        ///
        /// - Parameter isExceeded: Whether it is to be over: longer than the percentile, not as long, so that no call
        ///   is hedged where all take the same.
        func duration(
            _ context: Context, _ latencies: borrowing Lock<LatencyWindow>, isExceeded: Bool = false
        ) -> Duration? {
            switch kind {
            case .fixed(let delay): delay
            case .list(let delays): delays.isEmpty ? nil : delays[min(max(0, context.attempt - 2), delays.count - 1)]
            case .percentile(let percentile): latencies.withLock { percentile.duration($0, isExceeded) }
            case .custom(let delay): delay(context)
            case .never: nil
            }
        }

        func check(_ check: inout ConfigurationCheck) {
            switch kind {
            case .fixed(let delay): check.require(notNegative: "delay", delay)
            case .list(let delays):
                check.require(!delays.isEmpty, "delay.list", "[]", "is empty")
                for (index, delay) in delays.enumerated() { check.require(notNegative: "delay.list[\(index)]", delay) }
            case .percentile(let percentile): percentile.check(&check)
            case .custom, .never: break
            }
        }
    }
}

extension Hedge.Delay.Percentile {
    func duration(_ latencies: LatencyWindow, _ isExceeded: Bool) -> Duration? {
        guard latencies.count >= warmUp else { return fallback }
        return latencies.percentile(share).map { max(minimum, isExceeded ? $0 + .nanoseconds(1) : $0) }
    }

    func check(_ check: inout ConfigurationCheck) {
        check.require(share > 0 && share < 1, "delay.percentile", "\(share)", "is outside 0...1, without 0 and 1")
        check.require("delay.window", window, in: 10...10_000)
        check.require("delay.warmUp", warmUp, in: 1...max(1, window))
        check.require(notNegative: "delay.minimum", minimum)
        if let fallback { check.require(notNegative: "delay.fallback", fallback) }
    }
}
