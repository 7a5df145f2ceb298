#if Metrics
    public import CoreMetrics
    public import Resilience

    extension ResilienceModule {
        /// Publishes what everything in the module measures, and its calls' durations, to a backend of swift-metrics.
        ///
        /// Once at once; when something is registered, that; then while ``/Resilience/ResilienceModule/run()`` runs,
        /// again and again; and a last time at the end of a shutdown. So gauges are there from registration on.
        ///
        /// Each backend is told once: a second call for the same object returns the publisher that there is, with the
        /// interval that it has.
        ///
        /// - Parameters:
        ///   - factory: The backend. Default: the one that is current here, so bootstrap the `MetricsSystem` before.
        ///   - interval: How long to wait between two publications, on the module's clock. Less than 1 ms counts as 1
        ///     ms. Default: 10 s.
        /// - Returns: The publisher, for values that are to be published in between.
        @discardableResult
        public func publishMetrics(
            to factory: any MetricsFactory = MetricsSystem.factory, every interval: Duration = .seconds(10)
        ) -> MetricsPublisher {
            for case let observer as PublishingObserver in moduleObservers where observer.publisher.isFor(factory) {
                observer.publisher.publish()
                return observer.publisher
            }
            let publisher = MetricsPublisher(to: factory)
            publisher.add(ModuleMetrics(self))
            addObserver(publisher.calls)
            addModuleObserver(PublishingObserver(publisher: publisher, module: self))
            publisher.publish()
            repeatWhileRunning(every: interval) { publisher.publish() }
            return publisher
        }
    }

    /// Hears what happens to a module, which is rare, and not what happens to calls.
    private final class PublishingObserver: FlushingObserver {
        let publisher: MetricsPublisher
        private weak let module: ResilienceModule?

        init(publisher: MetricsPublisher, module: ResilienceModule) {
            self.publisher = publisher
            self.module = module
        }

        func observe(_ event: some PolicyEvent) {
            guard case .registered(let kind, let name) = (event as? ResilienceModule.Event)?.kind else { return }
            if let source = module?.metricSource(kind, name) { publisher.publishNew(source) }
        }

        func flush() async { publisher.publish() }
    }
#endif
