public import ResilienceCore

extension Pause {
    /// How long a pause may be, and which calls may wait.
    public struct Configuration: Sendable, Hashable {
        /// The longest pause, whatever the server asks for. At least 1 ns. Default: 60 seconds.
        public var maxPause: Duration

        /// Over how much more than the pause the waiting calls come back, as a share of it: 0 to 1. Default: 0.5.
        public var spread: Double

        /// How many calls may wait at once, zero or more; others are refused. Default: 1000.
        public var maxWaiting: Int

        /// Creates a configuration; every part has a default.
        public init(maxPause: Duration = .seconds(60), spread: Double = 0.5, maxWaiting: Int = 1000) {
            self.maxPause = maxPause
            self.spread = spread
            self.maxWaiting = maxWaiting
        }

        /// Checks every part.
        ///
        /// - Throws: All faults, each with its field, value and range.
        public func validate() throws(ConfigurationError) {
            var check = ConfigurationCheck("pause")
            check.require(positive: "maxPause", maxPause)
            check.require("spread", spread, in: 0...1)
            check.require("maxWaiting", maxWaiting, atLeast: 0)
            try check.finish()
        }
    }
}
