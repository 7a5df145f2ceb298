internal import Synchronization

extension Row {
    static let baselines = [
        Row("async call", .baseline) {
            { count in
                var sum = 0
                for _ in 0..<count { sum = try await operation(sum) }
                consume(sum)
            }
        },
        Row("ContinuousClock.now", .baseline) {
            { count in
                for _ in 0..<count { consume(ContinuousClock.now) }
            }
        },
        mutex, mutex.withTwoCallers(),
        atomic, atomic.withTwoCallers(),
    ]

    private static let mutex = Row("Mutex lock and unlock", .baseline) {
        let box = MutexBox()
        return { count in
            for _ in 0..<count { box.increment() }
        }
    }

    private static let atomic = Row("atomic add", .baseline) {
        let box = AtomicBox()
        return { count in
            for _ in 0..<count { box.increment() }
        }
    }
}

private final class MutexBox: Sendable {
    private let value = Mutex(0)

    func increment() { value.withLock { $0 &+= 1 } }
}

private final class AtomicBox: Sendable {
    private let value = Atomic(0)

    func increment() { value.wrappingAdd(1, ordering: .relaxed) }
}

@inline(never)
@_optimize(none)
private func consume(_ instant: ContinuousClock.Instant) {}
