import CircuitBreakers
import IsolationTestSupport
import ResilienceCore
import Testing

/// Checks the caller's isolation from a module without upcoming features.
@Suite("Isolation, module without upcoming features")
struct IsolationWithoutFeatureTests {
    @Test("a call from an actor with its own executor stays on it")
    func customExecutor() async throws {
        for (name, strategy) in try policiesUnderTest() {
            await check(strategy, name)
        }
        // Built and called here, where the compiler sees all the types and specialises what it can.
        let breaker = try CircuitBreaker("here", .init(trip: .consecutiveFailures(.max)))
        await check(breaker, "breaker here")
        await check(
            try Policy("here") {
                SecondChance()
                breaker
            }, "policy here")
    }

    private func check(_ strategy: some Strategy, _ name: String) async {
        let actor = QueueActor()
        #expect(await actor.succeed(strategy) == Places(body: [true], afterReturn: true), "\(name)")
        #expect(await actor.fail(strategy).inCatch == true, "\(name)")
        #expect(await actor.failTwice(strategy).allOnActor, "\(name)")
        #expect(await actor.throwFromElsewhere(strategy).inCatch == true, "\(name)")
        #expect(await actor.fallBack(strategy).allOnActor, "\(name)")
        #expect(await actor.record(strategy).allOnActor, "\(name)")
        #expect(await actor.throughHelper(strategy).allOnActor, "\(name)")
    }

    @Test("a call from an actor on the default executor stays on it")
    func defaultActor() async throws {
        for (name, strategy) in try policiesUnderTest() {
            #expect(try await PlainActor().count(strategy) == 3, "\(name)")
        }
    }

    @Test("a call from the main actor stays on it")
    @MainActor
    func mainActor() async throws {
        for (name, strategy) in try policiesUnderTest() {
            let counter = Counter()
            let same = try await strategy.execute {
                MainActor.preconditionIsolated()
                await hopAway()
                MainActor.preconditionIsolated()
                counter.value += 1
                return counter
            }
            MainActor.preconditionIsolated()
            #expect(same === counter && counter.value == 1, "\(name)")
            do {
                try await strategy.execute { try await throwElsewhere() }
            } catch {
                MainActor.preconditionIsolated()
            }
        }
    }

    @Test("a call from a plain task may capture and return what is not Sendable")
    func plainTask() async throws {
        for (name, strategy) in try policiesUnderTest() {
            let counter = Counter()
            let same = try await strategy.execute { context in
                counter.value += context.attempt
                return counter
            }
            #expect(same === counter && counter.value == 1, "\(name)")
        }
    }
}

extension Places {
    var allOnActor: Bool {
        !body.isEmpty && body.allSatisfy { $0 } && afterReturn != false && inCatch != false
    }
}

actor PlainActor {
    private let counter = Counter()

    func count(_ strategy: some Strategy) async throws -> Int {
        for _ in 0..<3 {
            _ = try await strategy.execute {
                self.preconditionIsolated()
                await hopAway()
                self.preconditionIsolated()
                counter.value += 1
                return counter
            }
            self.preconditionIsolated()
        }
        return counter.value
    }
}

/// Runs calls and notes for each part whether it ran on the actor's own executor.
actor QueueActor {
    nonisolated var unownedExecutor: UnownedSerialExecutor { QueueExecutor.shared.asUnownedSerialExecutor() }
    private let counter = Counter()
    private var isHere: Bool { QueueExecutor.shared.isCurrent }

    func succeed(_ strategy: some Strategy) async -> Places {
        var places = Places()
        let result = try? await strategy.execute {
            counter.value += 1
            places.body.append(isHere)
            return counter
        }
        places.afterReturn = isHere && result === counter
        return places
    }

    func fail(_ strategy: some Strategy) async -> Places {
        var places = Places()
        do {
            try await strategy.execute {
                await hopAway()
                places.body.append(isHere)
                throw IsolationTestError()
            }
        } catch {
            places.inCatch = isHere
        }
        return places
    }

    func failTwice(_ strategy: some Strategy) async -> Places {
        var places = Places()
        var calls = 0
        let result = try? await strategy.execute {
            calls += 1
            places.body.append(isHere)
            await hopAway()
            places.body.append(isHere)
            if calls < 2 { throw IsolationTestError() }
            return counter
        }
        places.afterReturn = isHere && (result == nil || result === counter)
        return places
    }

    /// The body only forwards to a function on the global executor: the shape that the compiler gets wrong.
    func throwFromElsewhere(_ strategy: some Strategy) async -> Places {
        var places = Places()
        do {
            try await strategy.execute { try await throwElsewhere() }
        } catch {
            places.inCatch = isHere
        }
        return places
    }

    func fallBack(_ strategy: some Strategy) async -> Places {
        var places = Places()
        let result = try? await strategy.execute { () async throws -> Counter in
            places.body.append(isHere)
            await hopAway()
            throw IsolationTestError()
        } fallback: { _ in
            places.body.append(isHere)
            return counter
        }
        places.afterReturn = isHere && result === counter
        return places
    }

    func record(_ strategy: some Strategy) async -> Places {
        var places = Places()
        let execution = await strategy.run { context in
            places.body.append(isHere)
            await hopAway()
            counter.value += context.attempt
            places.body.append(isHere)
            return counter
        }
        places.afterReturn = isHere && execution.value === counter
        return places
    }

    func throughHelper(_ strategy: some Strategy) async -> Places {
        var places = Places()
        let onActor = try? await protectedCount(strategy, counter)
        places.body.append(onActor == true)
        places.afterReturn = isHere
        return places
    }
}

/// A function of the caller's isolation that protects a call with state of its caller.
nonisolated(nonsending) func protectedCount(_ strategy: some Strategy, _ counter: Counter) async throws -> Bool {
    try await strategy.execute {
        counter.value += 1
        return QueueExecutor.shared.isCurrent
    }
}
