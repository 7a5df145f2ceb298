#if ServiceLifecycle
    import Dispatch
    import Logging
    import Resilience
    import ResilienceServiceLifecycle
    import ResilienceTesting
    import ServiceLifecycle
    import ServiceLifecycleTestKit
    import ResilienceCore
    import TestSupport
    import Testing

    /// Notes whether events of a module's state come on an executor.
    private final class Places: PolicyObserver {
        let executor = Lock<QueueTaskExecutor?>(nil)
        let seen = Lock<[Bool]>([])

        func observe(_ event: some PolicyEvent) {
            guard case .stateChanged? = (event as? ResilienceModule.Event)?.kind else { return }
            let isThere = executor.withLock { $0?.isCurrent == true }
            seen.withLock { $0.append(isThere) }
        }
    }

    @Suite("ServiceLifecycle", .timeLimit(.minutes(30)))
    struct ModuleServiceTests {
        private let clock = ManualClock()
        private let recorder = EventRecorder()

        private func module(_ options: ResilienceModule.Options = .init()) throws -> ResilienceModule {
            try ResilienceModule("shop", options: options, clock: clock, observers: [recorder]) {
                Registration("payments") { CircuitBreaker.layer() }
            }
        }

        /// Waits until the module has gone to a state.
        private func state(_ state: ResilienceModule.State, of module: ResilienceModule) async throws {
            var count = 1
            while true {
                try await recorder.waitForEvents(count)
                for case .stateChanged(_, state) in recorder.events(of: ResilienceModule.Event.self).map(\.kind) {
                    return
                }
                count = recorder.events.count + 1
            }
        }

        @Test("run() parks, and returns after a graceful shutdown", arguments: [true, false])
        func graceful(isExistential: Bool) async throws {
            let module = try module()
            try await testGracefulShutdown { trigger in
                let running = Task {
                    if isExistential {
                        try await (module as any Service).run()
                    } else {
                        try await module.run()
                    }
                }
                try await state(.running, of: module)
                #expect(module.state == .running)
                trigger.triggerGracefulShutdown()
                try await running.value
            }
            #expect(module.state == .stopped)
            await #expect(throws: ResilienceModule.ShutdownError.self) { try await module.execute("payments") {} }
        }

        @Test("a graceful shutdown runs on the executor that the service prefers")
        func executor() async throws {
            let (executor, places) = (QueueTaskExecutor(), Places())
            let module = try ResilienceModule("shop", clock: clock, observers: [recorder, places]) {
                Registration("payments") { CircuitBreaker.layer() }
            }
            places.executor.withLock { $0 = executor }
            try await testGracefulShutdown { trigger in
                let running = Task(executorPreference: executor) { try await module.run() }
                try await state(.running, of: module)
                trigger.triggerGracefulShutdown()
                try await running.value
            }
            #expect(module.state == .stopped)
            let seen = places.seen.withLock { $0 }
            #expect(seen.count >= 3 && seen.allSatisfy { $0 })
        }

        @Test("a graceful shutdown lets calls end that run, and no new ones in")
        func drains() async throws {
            let module = try module(.init(gracePeriod: .seconds(10)))
            let operation = ScriptedOperation<Int>(clock: clock, [.hang])
            try await testGracefulShutdown { trigger in
                let running = Task { try await module.run() }
                let call = Task { try await module.execute("payments") { try await operation() } }
                try await operation.waitForCalls(1)
                try await state(.running, of: module)
                trigger.triggerGracefulShutdown()
                try await state(.draining, of: module)
                await #expect(throws: ResilienceModule.ShutdownError.self) { try await module.execute("payments") {} }
                #expect(module.state == .draining)
                operation.release(with: .success(7))
                #expect(try await call.value == 7)
                try await running.value
            }
            let report = recorder.report
            #expect(report?.callsInFlight == 1)
            #expect(report?.cancelledCalls == 0)
            #expect(report?.abandonedCalls == 0)
        }

        @Test("calls that run after the grace period are cancelled")
        func gracePeriod() async throws {
            let module = try module(.init(gracePeriod: .seconds(10)))
            let operation = ScriptedOperation<Int>(clock: clock, [.hang])
            try await testGracefulShutdown { trigger in
                let running = Task { try await module.run() }
                let call = Task { try await module.execute("payments") { try await operation() } }
                try await operation.waitForCalls(1)
                try await state(.running, of: module)
                trigger.triggerGracefulShutdown()
                try await clock.waitForTimers(1)
                clock.advance(by: .seconds(10))
                await #expect(throws: CancellationError.self) { try await call.value }
                try await running.value
            }
            #expect(recorder.report?.cancelledCalls == 1)
            #expect(recorder.report?.duration == .seconds(10))
        }

        @Test("cancelling the task during a graceful shutdown cancels the calls at once, and they are reported")
        func impatience() async throws {
            let module = try module(.init(gracePeriod: .seconds(3600)))
            let operation = ScriptedOperation<Int>(clock: clock, [.hang])
            try await testGracefulShutdown { trigger in
                let running = Task { try await module.run() }
                let call = Task { try await module.execute("payments") { try await operation() } }
                try await operation.waitForCalls(1)
                try await state(.running, of: module)
                trigger.triggerGracefulShutdown()
                try await clock.waitForTimers(1)
                running.cancel()
                await #expect(throws: CancellationError.self) { try await call.value }
                try await running.value
            }
            #expect(recorder.report?.cancelledCalls == 1)
            #expect(recorder.report?.duration == .zero)
        }

        @Test("readiness ends first: calls are let in during the drain delay, which is waited for once")
        func readiness() async throws {
            let module = try module(.init(drainDelay: .seconds(5), gracePeriod: .seconds(10)))
            try await testGracefulShutdown { trigger in
                let running = Task { try await module.run() }
                try await state(.running, of: module)
                // As a group does: the module only after its readiness has ended.
                let readiness = Task { try await module.readiness.run() }
                trigger.triggerGracefulShutdown()
                try await clock.waitForTimers(1)
                #expect(module.state == .closing && module.health.status == .down)
                try await module.execute("payments") {}
                clock.advance(by: .seconds(5))
                try await readiness.value
                try await running.value
            }
            #expect(module.state == .stopped)
            #expect(recorder.events(of: ResilienceModule.Event.self).filter { $0.name == "module.ended" }.count == 1)
            #expect(clock.timerCount == 0)
        }

        @Test("a graceful shutdown before run() shuts down at once")
        func alreadyShuttingDown() async throws {
            let module = try module()
            try await testGracefulShutdown { trigger in
                trigger.triggerGracefulShutdown()
                try await module.run()
            }
            #expect(module.state == .stopped)
        }

        @Test("cancelling the task of run() ends it, without an error")
        func cancelled() async throws {
            let module = try module()
            let running = Task { try await module.run() }
            try await state(.running, of: module)
            running.cancel()
            try await running.value
            #expect(module.state == .stopped)
        }

        @Test("run() returns after a shutdown by hand, and throws if the module has run")
        func byHand() async throws {
            let module = try module()
            let running = Task { try await module.run() }
            try await state(.running, of: module)
            await module.shutdown()
            try await running.value
            await #expect(throws: ResilienceModule.LifecycleError.self) { try await module.run() }
        }

        @Test("in a group the module ends after the service that depends on it, whose last call is let in")
        func group() async throws {
            let module = try module()
            let worker = Worker(module: module, order: Order())
            let group = ServiceGroup(
                configuration: .init(
                    services: [.init(service: module), .init(service: worker, successTerminationBehavior: .ignore)],
                    logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
            let running = Task { try await group.run() }
            try await worker.order.begun.value()
            try await state(.running, of: module)
            await group.triggerGracefulShutdown()
            try await running.value
            #expect(worker.order.lastCall.withLock { $0 } == true)
            #expect(module.state == .stopped)
            #expect(recorder.report?.snapshot.policies.first?.layers.first?.measurements.isEmpty == false)
        }
    }

    /// A service that makes a last call while it shuts down.
    private struct Worker: Service {
        let module: ResilienceModule
        let order: Order

        func run() async throws {
            order.begun.finish(with: .success(()))
            try await gracefulShutdown()
            let succeeded = try? await module.execute("payments") { true }
            order.lastCall.withLock { $0 = succeeded }
        }
    }

    private final class Order: Sendable {
        let begun = Waiter<Void>()
        let lastCall = Lock<Bool?>(nil)
    }

    extension EventRecorder {
        /// Of the end of a module.
        fileprivate var report: ResilienceModule.ShutdownReport? {
            for case .ended(let report) in events(of: ResilienceModule.Event.self).map(\.kind) { return report }
            return nil
        }
    }
#endif
