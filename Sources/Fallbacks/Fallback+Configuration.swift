public import ResilienceCore

extension KeyedFallback {
    /// What is tried when a call fails, and for which errors.
    public struct Configuration: Sendable {
        /// What is tried, first to last: at least one step, with names that differ.
        public var steps: Steps

        /// For which errors of the call there is a fallback, the rejections of layers among them. Each step may narrow
        /// it further. Never asked about the caller's cancellation, for which there is none. Default: all.
        public var handles: ErrorCondition

        /// What the caller gets when every step has failed: the error of the call, or a ``FallbackExhaustedError`` with
        /// that and what became of each step. Default: the error of the call.
        public var exhaustion: Exhaustion

        /// Creates a configuration.
        ///
        /// - Parameters:
        ///   - handles: For which errors of the call there is a fallback. Default: all.
        ///   - exhaustion: What the caller gets when every step has failed. Default: the error of the call.
        ///   - steps: What is tried, first to last.
        public init(
            handles: ErrorCondition = .all,
            exhaustion: Exhaustion = .originalError,
            @FallbackBuilder<Key, Value> steps: () -> Steps
        ) {
            self.steps = steps()
            self.handles = handles
            self.exhaustion = exhaustion
        }

        /// Checks every part.
        ///
        /// - Throws: All faults, each with its field, value and range.
        public func validate() throws(ConfigurationError) {
            var check = ConfigurationCheck("fallback")
            check.require("steps", steps.elements.count, atLeast: 1)
            var names: Set<String> = []
            for (index, step) in steps.elements.enumerated() {
                let isNew = names.insert(step.name).inserted
                check.require(isNew, "steps[\(index)].name", "\"\(step.name)\"", "is the name of an earlier step")
                step.check(&check, "steps[\(index)]")
            }
            try check.finish()
        }

        /// How long, and for how many keys, last good values are kept; `nil` if no step asks for them.
        var retention: LastGoodRetention? {
            steps.elements.reduce(nil) { retention, step in
                guard case .lastGood(let maxAge, let capacity) = step.source else { return retention }
                return LastGoodRetention(
                    maxAge: max(maxAge, retention?.maxAge ?? maxAge),
                    capacity: max(capacity, retention?.capacity ?? capacity))
            }
        }
    }
}

extension KeyedFallback.Step {
    func check(_ check: inout ConfigurationCheck, _ field: String) {
        if let limit { check.require("\(field).limit", limit, atLeast: 1) }
        if let timeout { check.require(positive: "\(field).timeout", timeout) }
        guard case .lastGood(let maxAge, let capacity) = source else { return }
        check.require(positive: "\(field).maxAge", maxAge)
        check.require("\(field).capacity", capacity, atLeast: 1)
    }
}
