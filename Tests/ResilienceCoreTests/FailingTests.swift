import ResilienceCore
import ResilienceTesting
import Synchronization
import TestSupport
import Testing

/// A response that says what a failing service sends with it.
struct Answer: Sendable, Equatable {
    var status: Int
    var retryAfter: Duration?
}

struct ServerFailure: OverloadError, LabeledError, ServerHintProviding, Equatable {
    var status: Int
    var serverHint: ServerHint?
    var isOverload: Bool { status == 503 }
    var label: String { "\(status)" }

    init?(_ response: Answer) {
        guard response.status >= 500 else { return nil }
        status = response.status
        serverHint = response.retryAfter.map(ServerHint.retryAfter)
    }
}

/// Notes what comes out of `next`, on the way that only knows `execute`.
final class Witness: Strategy {
    private let errors = Lock<[any Error]>([])
    var seen: [any Error] { errors.withLock { $0 } }

    func execute(
        _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        do { try await next(context) } catch {
            errors.withLock { $0.append(error) }
            throw error
        }
    }
}

@Suite("Values that count as failures")
struct FailingTests {
    let witness = Witness()
    let overloaded = Answer(status: 503, retryAfter: .seconds(7))

    private func expectFailure(_ error: (any Error)?) {
        guard let error else {
            Issue.record("nothing was seen")
            return
        }
        #expect(ServerHint(error) == .retryAfter(.seconds(7)))
        #expect(ErrorCondition.overload.handles(error))
        #expect(ErrorCondition.only(ServerFailure.self).handles(error))
        #expect(!ErrorCondition.only(CancellationError.self).handles(error))
        #expect(!ErrorCondition.except(ServerFailure.self).handles(error))
        #expect(ErrorCondition.only(ServerFailure.self).excludes(error))
        let byFunction = ErrorCondition.errors(where: { ($0 as? ServerFailure)?.status == 503 })
        #expect(byFunction.handles(error))
        #expect(ErrorCondition({ $0 is ServerFailure }).handles(error))
        #expect(errorLabel(error) == "503")
        #expect(unwrapped(error) is ServerFailure)
        #expect((error as? any RetryAfterProviding)?.retryAfter == .seconds(7))
    }

    @Test("A value comes back although every layer sees its failure, with hint, overload, type and label")
    func execute() async throws {
        let policy = try Policy("test") { witness }
        #expect(try await policy.execute(failing: ServerFailure.init) { overloaded } == overloaded)
        #expect(try await policy.execute(failing: ServerFailure.init) { _ in overloaded } == overloaded)
        #expect(witness.seen.count == 2)
        witness.seen.forEach(expectFailure)
        let fine = Answer(status: 200)
        #expect(try await policy.execute(failing: ServerFailure.init) { fine } == fine)
        #expect(witness.seen.count == 2)
    }

    @Test("What is declared counts for values of its type, also when nested, set and wrapped")
    func declared() async throws {
        let inner = try Policy("inner") { witness }.failing(Answer.self, ServerFailure.init)
        let outer = Witness()
        let nested = try Policy("outer") {
            outer
            inner
        }
        for policy in [inner, nested, inner.setting(Tenant.self, to: "a"), nested.setting(Tenant.self, to: "b")] {
            let before = witness.seen.count
            #expect(try await policy.execute { overloaded } == overloaded)
            #expect(witness.seen.count == before + 1)
            expectFailure(witness.seen.last)
            #expect(try await policy.execute { 503 } == 503)
            #expect(witness.seen.count == before + 1)
        }
        #expect(outer.seen.count == 2)
        outer.seen.forEach(expectFailure)
    }

    @Test("What is declared outside of a policy is a failure inside of it, too")
    func declaredOutside() async throws {
        let inner = try Policy("inner") { witness }
        let nested = try Policy("outer") { inner }.failing(Answer.self, ServerFailure.init)
        #expect(try await nested.execute { overloaded } == overloaded)
        expectFailure(witness.seen.first)
    }

    @Test("The classifier is asked once for each value, and after what the call says")
    func once() async throws {
        let asked = Atomic(0)
        let policy = try Policy("test") { witness }.failing(Answer.self) { response in
            asked.wrappingAdd(1, ordering: .relaxed)
            return ServerFailure(response)
        }
        _ = try await policy.execute { overloaded }
        #expect(asked.load(ordering: .relaxed) == 1)
        _ = try await policy.execute(failing: { _ in InjectedFailure() }) { overloaded }
        #expect(asked.load(ordering: .relaxed) == 1)
        #expect(unwrapped(try #require(witness.seen.last)) is InjectedFailure)
        _ = try await policy.execute(accepting: { _ in false }) { overloaded }
        #expect(asked.load(ordering: .relaxed) == 1)
        #expect(unwrapped(try #require(witness.seen.last)) is UnacceptedResultError)
    }

    @Test("`run` tells the failure of the value that came back")
    func run() async throws {
        let policy = try Policy("test") { witness }
        for execution in [
            await policy.run(failing: ServerFailure.init) { overloaded },
            await policy.run(failing: ServerFailure.init) { _ in overloaded },
            await policy.failing(Answer.self, ServerFailure.init).run { overloaded },
        ] {
            #expect(execution.value == overloaded)
            #expect(!execution.isAccepted)
            #expect((execution.failure as? ServerFailure)?.status == 503)
            #expect(execution.attempts == 1)
        }
        let plain = await policy.run(accepting: { _ in false }) { overloaded }
        #expect(plain.failure == nil && !plain.isAccepted)
        let fine = await policy.run(failing: ServerFailure.init) { Answer(status: 200) }
        #expect(fine.failure == nil && fine.isAccepted)
    }

    @Test("A fallback runs for the failure, and its value is the call's")
    func fallback() async throws {
        let policy = try Policy("test") { witness }
        let other = Answer(status: 200)
        let value = try await policy.execute(failing: ServerFailure.init) {
            overloaded
        } fallback: { error in
            expectFailure(error)
            return other
        }
        #expect(value == other)
        let execution = await policy.run(failing: ServerFailure.init) { _ in
            overloaded
        } fallback: { _ in
            other
        }
        #expect(execution.value == other && execution.isAccepted && execution.isServedByFallback)
    }

    @Test("A failure that is declared as thrown reaches layers and caller as it is")
    func thrown() async throws {
        let policy = try Policy("test") { witness }.failing(Answer.self, throwing: true, ServerFailure.init)
        await #expect(throws: ServerFailure.self) { try await policy.execute { overloaded } }
        await #expect(throws: ServerFailure.self) { try await policy.execute { _ in overloaded } }
        #expect(witness.seen.count == 2)
        #expect(witness.seen.allSatisfy { $0 is ServerFailure })
        let execution = await policy.run { overloaded }
        #expect(execution.value == nil && !execution.isAccepted && execution.failure == nil)
        #expect(throws: ServerFailure.self) { try execution.get() }
    }

    @Test("A failure that says nothing leaves it to the value when to try again")
    func hintOfTheValue() async throws {
        struct Busy: RetryAfterProviding, Sendable { var retryAfter: Duration? { .seconds(3) } }
        let policy = try Policy("test") { witness }
        _ = try await policy.execute(failing: { _ in InjectedFailure() }) { Busy() }
        #expect(ServerHint(try #require(witness.seen.first)) == .retryAfter(.seconds(3)))
    }

    @Test("A failure that is a rejection, or wraps one, ends the call as one")
    func rejection() async throws {
        let policy = try Policy("test") { witness }
        _ = try await policy.execute(failing: { _ in Refused() }) { 1 }
        #expect(CallEnd(try #require(witness.seen.first)) == .rejected)
        _ = try await policy.execute(failing: { _ in InjectedFailure() }) { 1 }
        #expect(CallEnd(try #require(witness.seen.last)) == .failed)
    }

    @Test("A value that is lost because the call ends otherwise is released")
    func released() async throws {
        let policy = try Policy("test") { Replacing() }
        let released = Lock<[Int]>([])
        await #expect(throws: InjectedFailure.self) {
            try await policy.execute(
                failing: { _ in CancellationError() }, releasing: { value in released.withLock { $0.append(value) } }
            ) { 5 }
        }
        #expect(released.withLock { $0 } == [5])
        let throwing = try Policy("test") { witness }.failing(Int.self, throwing: true) { _ in InjectedFailure() }
        await #expect(throws: InjectedFailure.self) {
            try await throwing.execute(releasing: { value in released.withLock { $0.append(value) } }) { 6 }
        }
        #expect(released.withLock { $0 } == [5, 6])
    }

    /// Makes another error of each.
    struct Replacing: Strategy {
        func execute(
            _ context: Context, _ next: nonisolated(nonsending) (Context) async throws -> Void
        ) async throws {
            do { try await next(context) } catch { throw InjectedFailure() }
        }
    }

    enum Tenant: ContextKey { typealias Value = String }
}
