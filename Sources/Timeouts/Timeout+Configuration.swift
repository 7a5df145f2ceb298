public import ResilienceCore

extension Timeout {
    /// How long a call may take.
    public struct Configuration: Sendable {
        enum Kind: Sendable {
            case fixed(Duration)
            case remaining
            case custom(@Sendable (Context) -> Duration?)
        }

        let kind: Kind

        /// The same for every call, at least 1 ns.
        public static func fixed(_ limit: Duration) -> Configuration {
            Configuration(kind: .fixed(limit))
        }

        /// What is left of the context's deadline; no limit if there is none. For calls whose deadline was set
        /// elsewhere: by a strategy of your own, or by a policy around this one.
        public static let remaining = Configuration(kind: .remaining)

        /// From a function, asked for each call. `nil` means no limit; zero or less that there is no time left, and the
        /// call is rejected without running.
        public static func custom(_ limit: @escaping @Sendable (Context) -> Duration?) -> Configuration {
            Configuration(kind: .custom(limit))
        }

        /// Checks the limit.
        ///
        /// - Throws: The fault of a fixed limit that is not allowed.
        public func validate() throws(ConfigurationError) {
            guard case .fixed(let limit) = kind else { return }
            var check = ConfigurationCheck("timeout")
            check.require(positive: "limit", limit)
            try check.finish()
        }

        package func duration(of context: Context) -> Duration? {
            switch kind {
            case .fixed(let limit): limit
            case .remaining: context.remaining
            case .custom(let limit): limit(context)
            }
        }

        var detail: String {
            switch kind {
            case .fixed(let limit): limit.shortForm
            case .remaining: "remaining"
            case .custom: "dynamic"
            }
        }
    }
}
