import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(30)))
struct ManualClockContentionTests {
    let clock = ManualClock()

    @Test("every sleeper ends once while half are cancelled")
    func sleepers() async throws {
        let count = 1_000
        let woken = Log<Int>()
        let cancelled = Log<Int>()
        let sleepers = (0..<count).map { number in
            Task { [clock] in
                do {
                    try await clock.sleep(until: .init(offset: .milliseconds(1 + number % 100)))
                    woken.append(number)
                } catch {
                    cancelled.append(number)
                }
            }
        }
        try await clock.waitForSleepers(count)
        await withTaskGroup { group in
            group.addTask { [clock] in for _ in 0..<100 { clock.advance(by: .milliseconds(1)) } }
            group.addTask { for number in stride(from: 1, to: count, by: 2) { sleepers[number].cancel() } }
            for sleeper in sleepers { group.addTask { await sleeper.value } }
        }
        #expect((woken.elements + cancelled.elements).sorted() == Array(0..<count))
        #expect(cancelled.elements.allSatisfy { !$0.isMultiple(of: 2) })
        #expect(clock.sleeperCount == 0 && clock.nextDeadline == nil)
        #expect(clock.now.offset == .milliseconds(100))
    }

    @Test("cancelling while falling asleep never hangs")
    func fallingAsleep() async throws {
        let ends = Log<Bool>()
        for _ in 0..<2_000 {
            let sleeper = Task { [clock] in
                do { try await clock.sleep(for: .seconds(1)) } catch { ends.append(error is CancellationError) }
            }
            let waiter = Task { [clock] in
                do { try await clock.waitForSleepers(.max) } catch { ends.append(error is CancellationError) }
            }
            sleeper.cancel()
            waiter.cancel()
            _ = await (sleeper.value, waiter.value)
        }
        #expect(ends.elements == Array(repeating: true, count: 4_000))
        #expect(clock.sleeperCount == 0)
    }

    @Test("sleepers that arrive while the clock moves are not lost")
    func arrivals() async throws {
        let woken = Log<Int>()
        await withTaskGroup { group in
            for number in 0..<8 {
                group.addTask { [clock] in
                    for _ in 0..<250 { try? await clock.sleep(for: .milliseconds(1)) }
                    woken.append(number)
                }
            }
            group.addTask { [clock] in
                // Each round wakes at least one sleep; those that are late are woken by the next.
                while woken.elements.count < 8 {
                    guard clock.advanceToNextDeadline() == nil else { continue }
                    await Task.yield()
                }
            }
        }
        #expect(woken.elements.sorted() == Array(0..<8))
        #expect(clock.sleeperCount == 0)
    }

    @Test("timers are fired once or cancelled")
    func timers() async throws {
        let fired = Log<Int>()
        await withTaskGroup { group in
            for task in 0..<8 {
                group.addTask { [clock] in
                    for index in 0..<500 {
                        let number = task * 500 + index
                        let timer = clock.schedule(at: clock.now.advanced(by: .milliseconds(1 + index % 7))) {
                            fired.append(number)
                        }
                        if index.isMultiple(of: 2) { timer.cancel() }
                    }
                }
            }
            group.addTask { [clock] in for _ in 0..<200 { clock.advance(by: .milliseconds(1)) } }
        }
        clock.advance(by: .seconds(1))
        let numbers = fired.elements.sorted()
        #expect(Set(numbers).count == numbers.count)
        #expect(numbers.filter { !$0.isMultiple(of: 2) } == Array(stride(from: 1, to: 4_000, by: 2)))
        #expect(clock.timerCount == 0)
    }

    @Test("every waiter for sleepers is woken")
    func waiters() async throws {
        let sleepers = (0..<200).map { number in Task { [clock] in try await clock.sleep(for: .seconds(1 + number)) } }
        try await withThrowingTaskGroup { group in
            for number in 0..<200 { group.addTask { [clock] in try await clock.waitForSleepers(number + 1) } }
            try await group.waitForAll()
        }
        #expect(clock.sleeperCount == 200)
        for sleeper in sleepers { sleeper.cancel() }
        for sleeper in sleepers { _ = await sleeper.result }
        #expect(clock.sleeperCount == 0)
    }
}
