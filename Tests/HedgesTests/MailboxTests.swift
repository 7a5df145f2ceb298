import Synchronization
import Testing

@testable import Hedges

@Suite(.timeLimit(.minutes(30)))
struct MailboxTests {
    @Test("messages arrive in the order in which they were sent")
    func order() async {
        let mailbox = Mailbox<Int>()
        for number in 0..<5 { mailbox.post(number) }
        for number in 0..<5 { #expect(await mailbox.next() == number) }
    }

    @Test("none is lost where sending and beginning to wait meet")
    func contention() async {
        let mailbox = Mailbox<Int>()
        let received = Atomic(0)
        async let sum = {
            var sum = 0
            for _ in 0..<20_000 {
                sum += await mailbox.next()
                received.wrappingAdd(1, ordering: .relaxed)
            }
            return sum
        }()
        for number in 0..<20_000 {
            while received.load(ordering: .relaxed) < number { await Task.yield() }
            // The receiver is about to wait: a little later each time, so that one of them hits the moment.
            for _ in 0..<number % 100 { _ = received.load(ordering: .relaxed) }
            mailbox.post(1)
        }
        #expect(await sum == 20_000)
    }

    @Test("a cancelled task receives too")
    func cancelled() async {
        let mailbox = Mailbox<Int>()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await mailbox.next()
        }
        mailbox.post(7)
        #expect(await task.value == 7)
    }
}
