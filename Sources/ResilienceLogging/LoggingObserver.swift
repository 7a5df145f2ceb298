#if Logging
    public import Logging
    public import Resilience

    /// Writes what happens in policies to a logger of swift-log.
    ///
    /// ```swift
    /// let resilience = try ResilienceModule("shop", observers: [LoggingObserver(logger)]) {
    ///     Registration("payments") { CircuitBreaker.layer() }
    /// }
    /// ```
    ///
    /// The message is the name of the event, which is constant: `circuit_breaker.transition`. What the event says is
    /// metadata, under keys that begin with `resilience.`; `resilience.source` is what it happened in. Values are
    /// numbers, durations in seconds (`resilience.delay_seconds`), or a few words. An error is the error of the log
    /// entry. What callers bring along, such as the keys of keyed limiters, is not written.
    ///
    /// Where a level is off, an event costs the question whether it is: nothing is formatted. A policy posts events of
    /// its calls as soon as it has an observer, whatever the level; see ``Levels`` for a way to leave out calls.
    ///
    /// The logger is called within a caller's call, and after the locks have been released.
    public final class LoggingObserver: PolicyObserver {
        /// Where it writes.
        public let logger: Logger

        /// Which events are written at which level.
        public let levels: Levels

        /// Creates an observer.
        ///
        /// - Parameters:
        ///   - logger: Where it writes. Default: the logger that is current where the observer is created.
        ///   - levels: Which events are written at which level. Default: ``Levels/standard``.
        public init(_ logger: Logger = .current, levels: Levels = .standard) {
            self.logger = logger
            self.levels = levels
        }

        /// Writes an event, if its level is on.
        public func observe(_ event: some PolicyEvent) {
            guard let level = levels.level(of: event), level >= logger.logLevel else { return }
            let details = EventDetails(event)
            logger.log(
                level: level, "\(event.name)", error: details.error,
                metadata: metadata(details, source: event.source), source: "Resilience")
        }

        private func metadata(_ details: EventDetails, source: String) -> Logger.Metadata {
            var metadata: Logger.Metadata = ["resilience.source": .string(source)]
            for (key, value) in details.values { metadata["resilience.\(key)"] = Logger.MetadataValue(value) }
            return metadata
        }
    }

    extension Logger.MetadataValue {
        fileprivate init(_ value: EventDetails.Value) {
            self =
                switch value {
                case .text(let text): .string(text)
                case .integer(let number): .stringConvertible(number)
                case .number(let number): .stringConvertible(number)
                case .flag(let flag): .stringConvertible(flag)
                }
        }
    }
#endif
