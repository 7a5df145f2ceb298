import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

/// Random sequences of operations on a clock, against an array in which the earliest entry is searched for.
@Suite(.timeLimit(.minutes(30)))
struct ManualClockModelTests {
    @Test("a clock behaves as the model")
    func model() throws {
        try forSeeds(seeds(1_000)) { seed, _ in
            let run = Run(seed: seed)
            for step in 0..<60 {
                run.step()
                guard run.isAsExpected else { throw Difference("step \(step): \(run.difference)") }
            }
            run.end()
            #expect(run.isAsExpected, "seed \(seed): \(run.difference)")
        }
    }
}

private struct Entry {
    let deadline: Int
    /// The place in the sequence of registrations.
    let order: Int
    let label: String
    let isTimer: Bool
    /// How much later the timer that this timer sets is due.
    var followUp: Int?
}

private final class Run {
    private let clock = ManualClock()
    private let executor = SteppingExecutor()
    private let log = Log<String>()
    private var random: SplitMix64
    private var cancels: [String: () -> Void] = [:]

    private var entries: [Entry] = []
    private var now = 0
    private var lastOrder = 0
    private var expected: [String] = []

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
    }

    func step() {
        switch Int.random(in: 0..<10, using: &random) {
        case ..<4: add()
        case ..<6: cancel()
        case ..<9: advance(to: now + Int.random(in: -2...8, using: &random))
        default: advanceToNext()
        }
    }

    func end() { advance(to: now + 100) }

    var isAsExpected: Bool {
        log.elements == expected && clock.now == instant(now)
            && clock.timerCount == entries.count(where: \.isTimer)
            && clock.sleeperCount == entries.count { !$0.isTimer }
            && clock.nextDeadline == earliest.map { instant($0.deadline) }
    }

    var difference: String { "\(log.elements) at \(clock.now), expected \(expected) at \(now)" }

    private var earliest: Entry? { entries.min { ($0.deadline, $0.order) < ($1.deadline, $1.order) } }

    private func instant(_ seconds: Int) -> ManualClock.Instant { .init(offset: .seconds(seconds)) }

    private func add() {
        lastOrder += 1
        let isTimer = Bool.random(using: &random)
        let followUp = Int.random(in: 0...2, using: &random) == 0 ? Int.random(in: 1...6, using: &random) : nil
        let entry = Entry(
            deadline: now + Int.random(in: -2...12, using: &random), order: lastOrder,
            label: "\(isTimer ? "timer" : "sleeper") \(lastOrder)", isTimer: isTimer, followUp: followUp)
        if isTimer { setTimer(entry) } else { startSleeper(entry) }
        if entry.deadline > now { entries.append(entry) } else { expected += takePlace(of: entry) }
    }

    private func setTimer(_ entry: Entry) {
        let timer = clock.schedule(at: instant(entry.deadline)) { [clock, log] in
            log.append("\(entry.label) at \(clock.now)")
            guard let delay = entry.followUp else { return }
            _ = clock.schedule(at: clock.now.advanced(by: .seconds(delay))) { [clock, log] in
                log.append("follow-up of \(entry.label) at \(clock.now)")
            }
        }
        cancels[entry.label] = timer.cancel
    }

    private func startSleeper(_ entry: Entry) {
        let task = Task(executorPreference: executor) { [clock, log] in
            do {
                try await clock.sleep(until: .init(offset: .seconds(entry.deadline)))
                log.append("\(entry.label) woken")
            } catch {
                log.append("\(entry.label) cancelled")
            }
        }
        executor.drain()
        cancels[entry.label] = task.cancel
    }

    private func cancel() {
        guard let label = cancels.keys.sorted().randomElement(using: &random) else { return }
        cancels.removeValue(forKey: label)?()
        executor.drain()
        guard let index = entries.firstIndex(where: { $0.label == label }) else { return }
        if !entries.remove(at: index).isTimer { expected.append("\(label) cancelled") }
    }

    private func advance(to target: Int) {
        clock.advance(to: instant(target))
        executor.drain()
        moveModel(to: target)
    }

    private func advanceToNext() {
        let next = earliest?.deadline
        let reached = clock.advanceToNextDeadline()
        executor.drain()
        log.append(reached.map { "reached \($0)" } ?? "nothing to reach")
        if let next { moveModel(to: next) }
        expected.append(next.map { "reached \(instant($0))" } ?? "nothing to reach")
    }

    /// The tasks that are woken write to the log when the executor is drained, after the timers of the same advance.
    private func moveModel(to target: Int) {
        var woken: [String] = []
        while let first = earliest, first.deadline <= target {
            entries.removeAll { $0.order == first.order }
            now = first.deadline
            if first.isTimer { expected += takePlace(of: first) } else { woken += takePlace(of: first) }
        }
        now = max(now, target)
        expected += woken
    }

    /// What an entry writes to the log when its moment has come.
    private func takePlace(of entry: Entry) -> [String] {
        guard entry.isTimer else { return ["\(entry.label) woken"] }
        if let delay = entry.followUp {
            lastOrder += 1
            let label = "follow-up of \(entry.label)"
            entries.append(Entry(deadline: now + delay, order: lastOrder, label: label, isTimer: true))
        }
        return ["\(entry.label) at \(instant(now))"]
    }
}
