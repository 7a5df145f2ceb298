import ResilienceCore
import ResilienceTesting
import Testing

@Suite("Listening to a store")
struct StoreListeningTests {
    private struct Lost: Error {}
    private struct Final: Error {}

    /// Listens in one thread to a store that holds for a while and is lost then.
    private final class Stage: Sendable {
        let clock = ManualClock()
        let executor = SteppingExecutor()
        let longest = Lock(Duration.seconds(1))
        /// How long each listening holds.
        let hold = Lock(Duration.zero)
        /// When it listened, since the beginning.
        let starts = Lock<[Duration]>([])
        let ends = Lock<[String]>([])
        let result = Lock<String?>(nil)
        private let task = Lock<Task<Void, Never>?>(nil)

        init(
            random: Double = 1, isCancelled: Bool = false,
            ended: @escaping @Sendable ((any Error)?) throws -> Void = { _ in }
        ) {
            let begin = clock.now
            let time = TimeSource(clock)
            task.replace(
                with: Task(executorPreference: executor) { [self] in
                    do {
                        try await keepListening(on: time, .constant(random), upTo: longest.withLock { $0 }) {
                            starts.withLock { $0.append(begin.duration(to: clock.now)) }
                            let hold = hold.withLock { $0 }
                            if hold > .zero { try await clock.sleep(until: clock.now.advanced(by: hold)) }
                            throw Lost()
                        } ended: { error in
                            ends.withLock { $0.append(error.map { "\(type(of: $0))" } ?? "") }
                            try ended(error)
                        }
                    } catch {
                        result.replace(with: "\(type(of: error))")
                    }
                })
            if isCancelled { cancel() }
            pass(.zero)
        }

        func pass(_ duration: Duration) { clock.advance(by: duration, running: executor) }

        func cancel() {
            task.withLock { $0 }?.cancel()
            executor.drain()
        }

        /// The pauses between the starts, in milliseconds, from one on.
        func gaps(from first: Int = 0) -> [Int64] {
            let starts = starts.withLock { Array($0[first...]) }
            return zip(starts, starts.dropFirst()).map { ($1 - $0).saturatedNanoseconds / 1_000_000 }
        }
    }

    @Test("one that is lost at once is begun again after delays that grow, less a random part")
    func grows() {
        for (random, gaps) in [(1.0, [100, 200, 400, 800, 1000, 1000]), (0, [50, 100, 200, 400, 500, 500])] {
            let stage = Stage(random: random)
            stage.pass(.milliseconds(gaps.reduce(0, +)))
            #expect(stage.gaps() == gaps.map(Int64.init))
            stage.cancel()
            #expect(stage.result.withLock { $0 } == "CancellationError")
        }
    }

    @Test("one that held for longer than the longest delay was good, and the delays begin again; no shorter one was")
    func good() {
        for (hold, delay) in [(Duration.seconds(1), Int64(1000)), (.seconds(1) + .nanoseconds(1), 100)] {
            let stage = Stage()
            stage.pass(.seconds(10))
            stage.hold.withLock { $0 = hold }
            let count = stage.starts.withLock { $0.count }
            // The next one holds, and the one after it follows.
            stage.pass(.seconds(4))
            #expect(stage.gaps(from: count).first == 1000 + delay, "\(hold)")
            stage.cancel()
        }
    }

    @Test("the longest delay is the one that is in force then")
    func another() {
        let stage = Stage()
        stage.pass(.seconds(10))
        stage.longest.withLock { $0 = .milliseconds(30) }
        let count = stage.starts.withLock { $0.count }
        stage.pass(.seconds(2))
        #expect(stage.gaps(from: count).allSatisfy { $0 == 30 } && stage.gaps(from: count).count > 30)
        stage.cancel()
    }

    @Test("cancelling ends it: before it begins, while it listens and while it waits")
    func cancelled() {
        let early = Stage(isCancelled: true)
        #expect(early.starts.withLock { $0 } == [] && early.result.withLock { $0 } == "CancellationError")
        for isListening in [true, false] {
            let stage = Stage()
            if isListening {
                stage.hold.withLock { $0 = .seconds(100) }
                stage.pass(.milliseconds(100))
            }
            let ends = stage.ends.withLock { $0 }
            stage.cancel()
            #expect(stage.result.withLock { $0 } == "CancellationError")
            // Being cancelled is no loss that is heard of.
            #expect(stage.ends.withLock { $0 } == ends)
            #expect(stage.clock.sleeperCount == 0 && stage.executor.readyCount == 0)
        }
    }

    @Test("the listener hears why each listening ended, and can end it all")
    func ended() {
        let rest = Lock(3)
        let stage = Stage { _ in
            let isOver = rest.withLock { rest in
                rest -= 1
                return rest == 0
            }
            if isOver { throw Final() }
        }
        stage.pass(.seconds(10))
        #expect(stage.ends.withLock { $0 } == ["Lost", "Lost", "Lost"] && stage.gaps() == [100, 200])
        #expect(stage.result.withLock { $0 } == "Final")
    }

    @Test("one that ends without an error is begun again like any other")
    func returns() {
        let clock = ManualClock()
        let executor = SteppingExecutor()
        let ends = Lock<[Bool]>([])
        let task = Task(executorPreference: executor) {
            try await keepListening(on: TimeSource(clock), .constant(1)) {
            } ended: { error in
                ends.withLock { $0.append(error == nil) }
            }
        }
        // Up to 10 s apart where nothing else is said.
        let delays = [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]
        clock.advance(by: .milliseconds(delays.reduce(0, +)), running: executor)
        #expect(ends.withLock { $0 } == Array(repeating: true, count: 10))
        task.cancel()
        executor.drain()
    }
}
