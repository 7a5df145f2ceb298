#if ServiceLifecycle
    public import Resilience
    internal import ResilienceCore
    public import ServiceLifecycle

    /// With this a module is a service of a `ServiceGroup`:
    ///
    /// ```swift
    /// let group = ServiceGroup(services: [resilience, server], gracefulShutdownSignals: [.sigterm], logger: logger)
    /// try await group.run()
    /// ```
    ///
    /// A group shuts services down in reverse order, each after the one before it has ended. List the module before
    /// those whose calls it protects: it ends after them, and what they still have to do is let in. Where a load
    /// balancer asks the server whether it is ready, list ``Resilience/ResilienceModule/readiness`` after the server.
    extension ResilienceModule: Service {
        /// Parks until the service group shuts down or cancels, or
        /// ``/Resilience/ResilienceModule/shutdown(drainDelay:gracePeriod:)`` is called; then shuts down, and returns
        /// when that is done. Where this module is imported, it takes the place of the `run()` that knows nothing of
        /// service groups.
        ///
        /// A graceful shutdown lets no call in, waits for those that run up to the grace period of the module's
        /// options, then cancels them. So does cancelling the task. A group that loses patience meanwhile
        /// (`maximumGracefulShutdownDuration`) cancels the task during the graceful shutdown; then the calls are
        /// cancelled at once.
        ///
        /// A module that was shut down by hand returns too. A group takes that for the unexpected end of a service and
        /// cancels the others, unless its configuration for the service says otherwise.
        ///
        /// - Throws: `ResilienceModule.LifecycleError` if the module runs already or has ended.
        public func run() async throws {
            // The group calls from a task of its own.
            let executor = preferredExecutor
            try await withTaskCancellationHandler {
                try await withGracefulShutdownHandler {
                    try await runUntilEnd()
                } onGracefulShutdown: { [self] in
                    // Not on the spot: the group calls this while it holds a lock, and observers hear of the shutdown.
                    Task(name: "resilience \(name) graceful shutdown", executorPreference: executor) {
                        await self.shutdown()
                    }
                }
            } onCancel: {
                cancelCallsOfShutdown()
            }
        }

        /// The module's drain delay as a service of its own. Listed last in a group, it is the first to be shut down:
        /// from then on the module's health is `down`, and the server, which is shut down after the delay, still
        /// answers.
        ///
        /// ```swift
        /// ServiceGroup(
        ///     services: [resilience, server, resilience.readiness], gracefulShutdownSignals: [.sigterm], logger:
        ///     logger)
        /// ```
        public var readiness: ReadinessService { ReadinessService(module: self) }
    }

    /// Has a module say that the end is near before what is listed before it in a service group is shut down.
    public struct ReadinessService: Service {
        let module: ResilienceModule

        /// Parks until the service group shuts down, then waits for the `drainDelay` of the module's options. Returns
        /// at once when its task is cancelled.
        public func run() async throws {
            do {
                try await gracefulShutdown()
            } catch {
                return  // The group is cancelled: nothing waits any more.
            }
            await module.close()
        }
    }
#endif
