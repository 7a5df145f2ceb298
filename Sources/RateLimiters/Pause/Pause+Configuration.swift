public import ResilienceCore

extension Pause {
    /// How long a pause may be, and which calls may wait.
    public struct Configuration: Sendable, Hashable {
        /// The longest pause, whatever the server asks for. At least 1 ns. Default: 60 seconds.
        public var maxPause: Duration

        /// How much longer than the pause that was asked for calls wait, as a share of it: 0 to 1. They come back
        /// spread from its end on, never sooner. Default: 0.5.
        public var hintJitter: Double

        /// How many calls may wait at once, zero or more; others are rejected. Default: 1000.
        public var maxWaiting: Int

        /// Creates a configuration; every part has a default.
        public init(maxPause: Duration = .seconds(60), hintJitter: Double = 0.5, maxWaiting: Int = 1000) {
            self.maxPause = maxPause
            self.hintJitter = hintJitter
            self.maxWaiting = maxWaiting
        }

        /// Checks every part.
        ///
        /// - Throws: All faults, each with its field, value and range.
        public func validate() throws(ConfigurationError) {
            var check = ConfigurationCheck("pause")
            check.require(positive: "maxPause", maxPause)
            check.require("hintJitter", hintJitter, in: 0...1)
            check.require("maxWaiting", maxWaiting, atLeast: 0)
            try check.finish()
        }
    }
}
