#if Logging
    public import Logging
    public import Resilience

    extension LoggingObserver {
        /// Which events are written at which level; `nil` where they are not written at all.
        public struct Levels: Sendable, Hashable {
            private enum Rule: Hashable {
                case byKind(calls: Logger.Level?, changes: Logger.Level?, failures: Logger.Level?)
                case bySeverity(debug: Logger.Level?, info: Logger.Level?, warning: Logger.Level?)
            }

            private let rule: Rule

            /// Calls at debug, changes at info, failures of the module at warning: the caller has the error, so that
            /// the log of a service under load holds what changed.
            public static let standard = Levels()

            /// By what an event is about.
            ///
            /// - Parameters:
            ///   - calls: A call was rejected, retried, timed out, served by a fallback, and so on. Default: debug.
            ///   - changes: A breaker changed its state, a limit was changed, the module went on to its next state or
            ///     took a configuration. Default: info.
            ///   - failures: The module could not load a configuration, or not load or save its state. Default:
            ///     warning.
            public init(
                calls: Logger.Level? = .debug, changes: Logger.Level? = .info, failures: Logger.Level? = .warning
            ) {
                rule = .byKind(calls: calls, changes: changes, failures: failures)
            }

            /// By the severity that an event gives itself: a warning for a breaker that opens and for a call that
            /// failed after retries, info for a call that was retried or timed out.
            public static func bySeverity(
                debug: Logger.Level? = .debug, info: Logger.Level? = .info, warning: Logger.Level? = .warning
            ) -> Levels {
                Levels(.bySeverity(debug: debug, info: info, warning: warning))
            }

            private init(_ rule: Rule) {
                self.rule = rule
            }

            /// The level of an event; `nil` if it is not written.
            public func level(of event: some PolicyEvent) -> Logger.Level? {
                switch rule {
                case .byKind(let calls, let changes, let failures):
                    switch EventSubject(of: event) {
                    case .call: calls
                    case .change: changes
                    case .failure: failures
                    }
                case .bySeverity(let debug, let info, let warning):
                    switch event.severity {
                    case .debug: debug
                    case .info: info
                    case .warning: warning
                    }
                }
            }
        }
    }
#endif
