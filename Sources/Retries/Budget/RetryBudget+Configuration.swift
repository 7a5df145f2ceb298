public import ResilienceCore

extension RetryBudget {
    /// How a budget's tokens are earned and spent.
    public struct Configuration: Sendable, Hashable {
        enum Kind: Hashable {
            case ratio(Double, minimumPerSecond: Double, window: Duration)
            case throttle(maxTokens: Int, tokenRatio: Double)
            case quota(Int, cost: Int)
        }

        let kind: Kind

        /// Retries may be a share of the calls: each call earns `ratio` of a token, a retry costs one. As in Finagle,
        /// Linkerd and tower.
        ///
        /// What is earned or spent is forgotten after `window`. Reads the clock for every call.
        ///
        /// - Parameters:
        ///   - ratio: 0 to 1.
        ///   - minimumPerSecond: How many retries a second are allowed in any case, 0 to 1 000 000; for services that
        ///     are called rarely. Default: 10.
        ///   - window: 1 ms to 1 hour; tokens expire in tenths of it. Default: 10 s.
        public static func ratio(
            _ ratio: Double, minimumPerSecond: Double = 10, window: Duration = .seconds(10)
        ) -> Configuration {
            Configuration(kind: .ratio(ratio, minimumPerSecond: minimumPerSecond, window: window))
        }

        /// A failure costs a token, a success earns `tokenRatio` of one, and while no more than half of `maxTokens` are
        /// left there are no retries. As in gRPC (gRFC A6). Needs no clock; costs one load while all goes well.
        ///
        /// - Parameters:
        ///   - maxTokens: 1 to 1 000 000. Default: 10.
        ///   - tokenRatio: 0.001 to 1. Default: 0.1.
        public static func throttle(maxTokens: Int = 10, tokenRatio: Double = 0.1) -> Configuration {
            Configuration(kind: .throttle(maxTokens: maxTokens, tokenRatio: tokenRatio))
        }

        /// A retry costs `cost` tokens, which come back if it succeeds; a call that needs no retry earns one. As in the
        /// clients of AWS. Needs no clock; costs one load while all goes well.
        ///
        /// - Parameters:
        ///   - tokens: How many there are at first and at most, 1 to 1 000 000. Default: 500.
        ///   - cost: 1 to `tokens`. Default: 14.
        public static func quota(_ tokens: Int = 500, cost: Int = 14) -> Configuration {
            Configuration(kind: .quota(tokens, cost: cost))
        }

        /// Checks every part.
        ///
        /// - Throws: All faults, each with its field, value and range.
        public func validate() throws(ConfigurationError) {
            var check = ConfigurationCheck("retryBudget")
            switch kind {
            case .ratio(let ratio, let minimumPerSecond, let window):
                check.require("ratio", ratio, in: 0...1)
                check.require("minimumPerSecond", minimumPerSecond, in: 0...1_000_000)
                check.require("window", window, in: .milliseconds(1) ... .seconds(3600), "1 ms...1 hour")
            case .throttle(let maxTokens, let tokenRatio):
                check.require("maxTokens", maxTokens, in: 1...1_000_000)
                check.require("tokenRatio", tokenRatio, in: 0.001...1)
            case .quota(let tokens, let cost):
                check.require("tokens", tokens, in: 1...1_000_000)
                check.require("cost", cost, in: 1...max(1, tokens))
            }
            try check.finish()
        }
    }
}
