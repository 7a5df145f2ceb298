#if Configuration
    public import Configuration
    public import Resilience

    extension ResilienceModule {
        /// Takes the configuration of what is registered from a reader of swift-configuration: now, and again whenever
        /// it changes while ``/Resilience/ResilienceModule/run()`` runs.
        ///
        /// ```swift
        /// try resilience.configure(from: config.scoped(to: "resilience"))
        /// ```
        ///
        /// Keys are those of a configuration document, level by level: `policies.payments.retry.maxAttempts`, and
        /// `RESILIENCE_POLICIES_PAYMENTS_RETRY_MAX_ATTEMPTS` in the environment. A reader cannot tell which keys there
        /// are. So it is asked for every key that a document may hold about what is registered, about the defaults, and
        /// about the templates that these inherit from; and a key that is misspelt is never asked for. What a document
        /// writes as a list of objects, or under keys of your own choice, such as a bulkhead's partitions, cannot be
        /// read this way; the numbers of a fallback can, under the names of its steps.
        ///
        /// - A duration is a text: `"250ms"`. The text `null` takes away what is optional, as `null` does in a
        ///   document.
        /// - A value of a type that does not fit is a fault, not absent.
        /// - A later change with faults is reported as an event, and changes nothing.
        /// - What is registered later, or made on first use, is asked for then, while
        ///   ``/Resilience/ResilienceModule/run()`` runs.
        /// - The reader is the only source then: it replaces what ``/Resilience/ResilienceModule/update(_:)`` has put
        ///   in force. Call this once.
        ///
        /// - Parameters:
        ///   - reader: The source.
        ///   - policies: The names of policies that are not registered, because only the configuration describes them;
        ///     each needs the key `layers`. Default: none.
        ///   - isSecret: Whether values are secrets: access reporters do not show them, and faults neither. Default:
        ///     false.
        /// - Throws: All faults of the present configuration, each with its path, without the scope of the reader.
        ///   Nothing is changed and nothing watched then.
        public func configure(
            from reader: ConfigReader, policies: [String] = [], isSecret: Bool = false
        ) throws(ConfigurationError) {
            let source = ConfigSource(policies: policies, isSecret: isSecret)
            do throws(ConfigurationError) {
                try update(source.configuration(of: self, in: reader.snapshot()))
            } catch {
                throw isSecret ? error.withoutValues : error
            }
            watch(reader, source)
        }

        private func watch(_ reader: ConfigReader, _ source: ConfigSource) {
            let (updates, feed) = AsyncThrowingStream<Configuration, any Error>.makeStream(
                bufferingPolicy: .bufferingNewest(1))
            addRunningJob { module in
                do {
                    try await reader.watchSnapshot { snapshots in
                        for await snapshot in snapshots { feed.yield(source.configuration(of: module, in: snapshot)) }
                    }
                    feed.finish()
                } catch {
                    feed.finish(throwing: error)
                }
            }
            addModuleObserver(
                RegistrationObserver { [weak self] in
                    if let self { feed.yield(source.configuration(of: self, in: reader.snapshot())) }
                })
            reload(from: updates)
        }
    }

    /// Hears of what comes to be there to be configured.
    private final class RegistrationObserver: PolicyObserver {
        private let action: @Sendable () -> Void

        init(_ action: @escaping @Sendable () -> Void) {
            self.action = action
        }

        func observe(_ event: some PolicyEvent) {
            if case .registered = (event as? ResilienceModule.Event)?.kind { action() }
        }
    }

    extension ConfigurationError {
        /// The same faults, without the values in which they were found.
        fileprivate var withoutValues: ConfigurationError {
            let faults = faults.map { fault in
                Fault(field: fault.field, value: "a secret", violation: "cannot be used")
            }
            return ConfigurationError(faults) ?? self
        }
    }
#endif
