public import ResilienceCore

extension ResilienceModule {
    /// The rejection of a call that came after the module had begun to shut down.
    public struct ShutdownError: PolicyRejection {
        /// The module.
        public let module: String
        /// The policy that was asked for.
        public let policyName: String

        /// `resilience module "shop" has shut down`
        public var reason: String { "resilience module \"\(module)\" has shut down" }

        /// Always `nil`: retry on another instance.
        public var retryAfter: Duration? { nil }

        /// A sentence for logs.
        public var description: String { "call of \"\(policyName)\" refused: \(reason)" }
    }

    /// The error of asking for something by a name that the module does not know.
    public struct UnknownNameError: Error, Sendable, Hashable, CustomStringConvertible {
        /// What was asked for: `circuit breaker`, `policy`.
        public let kind: String
        /// The name that was asked for.
        public let name: String
        /// Known names that look alike, the nearest first; at most three.
        public let nearMisses: [String]
        /// Whether the module makes things on first use, but has made as many as it may.
        public let isLimitReached: Bool
        /// What is registered under the name, if it is of that kind but of another type than was asked for:
        /// `Fallback<Quote>`.
        public let registeredAs: String?

        /// A sentence for logs.
        public var description: String {
            if let registeredAs { return "the \(kind) \"\(name)\" is a \(registeredAs)" }
            let hint = nearMisses.map { "\"\($0)\"" }.joined(separator: ", ")
            return "there is no \(kind) \"\(name)\""
                + (isLimitReached ? "; as many have been made on first use as are allowed" : "")
                + (hint.isEmpty ? "" : "; did you mean \(hint)?")
        }
    }

    /// The error of starting a module that cannot be started any more.
    public struct LifecycleError: Error, Sendable, Hashable, CustomStringConvertible {
        /// The module.
        public let module: String
        /// The state it is in.
        public let state: State

        /// A sentence for logs.
        public var description: String { "resilience module \"\(module)\" cannot run: it is \(state)" }
    }
}
