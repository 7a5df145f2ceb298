public import ResilienceCore

extension ResilienceModule {
    /// How a module makes things and how it ends.
    public struct Options: Sendable {
        /// Whether asking for a name that is not registered makes it. Default: ``FirstUse/makes(maxNames:)`` 1 000.
        public var firstUse: FirstUse

        /// How long a shutdown still lets calls in while ``ResilienceModule/health`` is ``Health/Status/down`` already,
        /// 0 to 292 years: what a load balancer takes to see that and to send nothing more. Default: 0 s.
        public var drainDelay: Duration

        /// How long a shutdown waits for calls that run before it cancels them, 0 to 292 years. Default: 30 s.
        public var gracePeriod: Duration

        /// How long a shutdown waits for calls that it has cancelled before it leaves them, and after that as long
        /// again at most for what runs in the background, 0 to 292 years. Default: 5 s.
        public var cancellationPeriod: Duration

        let defaultPolicy: PolicyRecipe

        /// What becomes of a name that is asked for and not registered.
        public struct FirstUse: Sendable, Hashable {
            let limit: Int

            /// It is made, from the defaults: up to `maxNames` components, 1 or more, so that names which come from
            /// outside do not fill the memory. For keys without bound, register a ``PolicyFamily``.
            public static func makes(maxNames limit: Int) -> FirstUse { FirstUse(limit: limit) }

            /// It is an ``UnknownNameError``: the module is strict.
            public static let refuses = FirstUse(limit: 0)
        }

        /// Creates options; every part has a default. A policy made on first use has one layer, a circuit breaker.
        public init(
            firstUse: FirstUse = .makes(maxNames: 1_000), drainDelay: Duration = .zero,
            gracePeriod: Duration = .seconds(30), cancellationPeriod: Duration = .seconds(5)
        ) {
            self.init(
                firstUse: firstUse, drainDelay: drainDelay, gracePeriod: gracePeriod,
                cancellationPeriod: cancellationPeriod
            ) {
                CircuitBreaker.layer()
            }
        }

        /// Creates options that say what a policy which is made on first use consists of.
        @inlinable
        public init<S: Strategy>(
            firstUse: FirstUse = .makes(maxNames: 1_000), drainDelay: Duration = .zero,
            gracePeriod: Duration = .seconds(30), cancellationPeriod: Duration = .seconds(5),
            @PolicyBuilder defaultPolicy layers: () -> Layer<S>
        ) {
            self.init(
                firstUse, drainDelay: drainDelay, gracePeriod: gracePeriod, cancellationPeriod: cancellationPeriod,
                PolicyRecipe(layers()))
        }

        @usableFromInline
        init(
            _ firstUse: FirstUse, drainDelay: Duration, gracePeriod: Duration, cancellationPeriod: Duration,
            _ defaultPolicy: PolicyRecipe
        ) {
            self.firstUse = firstUse
            self.drainDelay = drainDelay
            self.gracePeriod = gracePeriod
            self.cancellationPeriod = cancellationPeriod
            self.defaultPolicy = defaultPolicy
        }

        func faults(_ names: ModuleNames) -> [ConfigurationError.Fault] {
            var check = ConfigurationCheck("options")
            check.require(firstUse.limit >= 0, "firstUse", "\(firstUse.limit)", "is below 1")
            let periods = [
                ("drainDelay", drainDelay), ("gracePeriod", gracePeriod), ("cancellationPeriod", cancellationPeriod),
            ]
            for (field, value) in periods { check.require(notNegative: field, value) }
            // The default policy is built once to learn its faults now, not at the first call.
            do throws(ConfigurationError) {
                var environment = PolicyEnvironment(name: "options.defaultPolicy")
                environment.names = names
                _ = try defaultPolicy.policy(in: environment)
            } catch {
                return check.faults + error.faults
            }
            return check.faults
        }
    }
}
