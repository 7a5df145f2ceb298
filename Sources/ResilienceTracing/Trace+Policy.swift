#if Tracing
    public import Resilience

    extension Trace {
        /// The recipe of a span for a policy: it has the policy's name.
        ///
        /// - Parameter configuration: What the spans are like.
        public static func layer(_ configuration: Configuration = Configuration()) -> Layer<Trace> {
            Layer { environment throws(ConfigurationError) in Trace(environment, configuration) }
        }

        /// The recipe of a span for a policy.
        ///
        /// - Parameters:
        ///   - name: The name of the spans.
        ///   - configuration: What the spans are like.
        public static func layer(_ name: String, _ configuration: Configuration = Configuration()) -> Layer<Trace> {
            Layer { environment throws(ConfigurationError) in
                var environment = environment
                environment.name = name
                return Trace(environment, configuration)
            }
        }
    }

    extension PolicyPipeline {
        /// Adds a span with the policy's name around the layers that follow.
        ///
        /// - Parameter configuration: What the spans are like.
        public func trace(_ configuration: Trace.Configuration = .init()) -> PolicyPipeline<Chain<Built, Trace>> {
            layer(Trace.layer(configuration))
        }

        /// Adds a span around the layers that follow.
        ///
        /// - Parameters:
        ///   - name: The name of the spans.
        ///   - configuration: What the spans are like.
        public func trace(
            _ name: String, _ configuration: Trace.Configuration = .init()
        ) -> PolicyPipeline<Chain<Built, Trace>> {
            layer(Trace.layer(name, configuration))
        }
    }
#endif
