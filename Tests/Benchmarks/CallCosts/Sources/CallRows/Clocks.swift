internal import ResilienceTesting

extension Row {
    /// What a simulation pays, which is nothing but sleeping and waking.
    static let clocks = [
        Row("manual clock, sleep and wake among 100 000", .library) {
            let clock = ManualClock()
            let executor = SteppingExecutor()
            let timers = (1...100_000).map { number in
                // Far off, and in no order.
                clock.schedule(at: .init(offset: .seconds(1_000_000 + number * 7_919 % 100_003))) {}
            }
            return { count in
                let task = Task(executorPreference: executor) {
                    for _ in 0..<count { try await clock.sleep(for: .nanoseconds(1)) }
                }
                executor.drain()
                for _ in 0..<count {
                    clock.advance(by: .nanoseconds(1))
                    executor.drain()
                }
                try await task.value
                consume(timers.count)
            }
        }
    ]
}
