import ResilienceCore
import ResilienceTesting
import Testing

@Suite struct LockTests {
    private final class Counter: Sendable {
        let lock = Lock((0, [Int]()))
    }

    @Test("Only one task at a time is inside")
    func oneTaskAtATimeIsInside() async {
        let counter = Counter()
        await withTaskGroup { group in
            for task in 0..<8 {
                group.addTask {
                    for _ in 0..<5_000 {
                        counter.lock.withLock { state in
                            state.0 += 1
                            if state.0.isMultiple(of: 100) { state.1.append(task) }
                        }
                    }
                }
            }
        }
        #expect(counter.lock.withLock { $0.0 } == 40_000)
        #expect(counter.lock.withLock { $0.1.count } == 400)
    }

    @Test("A body's value and error come out, and what it changed before it threw stays")
    func returnsAndThrowsWhatTheBodyDoes() {
        let lock = Lock(1)
        #expect(lock.withLock { $0 + 1 } == 2)
        #expect(throws: InjectedFailure("inside")) {
            try lock.withLock { state throws(InjectedFailure) in
                state = 5
                throw InjectedFailure("inside")
            }
        }
        #expect(lock.withLock { $0 } == 5)
    }
}
