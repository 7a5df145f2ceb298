public import ResilienceCore

extension SharedPauses {
    /// How a node keeps in touch with the store of the pauses.
    public struct Configuration: Sendable, Hashable {
        /// The longest an operation of the store may take before the store counts as away; 1 ms to 60 s. Default:
        /// 100 ms.
        public var operationLimit: Duration

        /// Whether ``SharedPauses/run()`` throws if the store does not answer when it begins. Default: no.
        public var isRequired: Bool

        /// Creates a configuration; every part has a default.
        public init(operationLimit: Duration = .milliseconds(100), isRequired: Bool = false) {
            (self.operationLimit, self.isRequired) = (operationLimit, isRequired)
        }

        /// Checks every part.
        ///
        /// - Throws: All faults, each with its field, value and range.
        public func validate() throws(ConfigurationError) {
            var check = ConfigurationCheck("sharedPauses")
            check.require(operationLimit: operationLimit)
            try check.finish()
        }
    }
}
