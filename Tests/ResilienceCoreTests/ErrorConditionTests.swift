import ResilienceTesting
import Testing

@testable import ResilienceCore

@Suite struct ErrorConditionTests {
    private class Base: Error, @unchecked Sendable {}
    private final class Derived: Base, @unchecked Sendable {}
    private struct Other: Error {}
    private struct Busy: OverloadError {}
    private struct Full: PolicyRejection, OverloadError {
        let policyName = "inner"
        let reason = "full"
        let retryAfter: Duration? = nil
        let description = "full"
    }
    private struct Wrapper: ErrorWrapper {
        let wrappedError: any Error
    }

    private static let errors: [any Error] = [Base(), Derived(), Other(), Busy(), Full()]

    @Test("each condition holds for the errors that it names, bare and within wrappers")
    func errors() {
        let table: [(ErrorCondition, [Bool])] = [
            (.all, [true, true, true, true, true]),
            (.none, [false, false, false, false, false]),
            (.rejections, [false, false, false, false, true]),
            (.overload, [false, false, false, true, false]),
            (.only(Base.self), [true, true, false, false, false]),
            (.only(Derived.self, Other.self), [false, true, true, false, false]),
            (.only(), [false, false, false, false, false]),
            (.except(Base.self), [false, false, true, true, true]),
            (.errors { $0 is Other }, [false, false, true, false, false]),
            (.init { $0 is Other }, [false, false, true, false, false]),
        ]
        for (condition, expected) in table {
            #expect(Self.errors.map { condition.handles($0) } == expected)
            #expect(Self.errors.map { condition.excludes($0) } == expected)
            #expect(Self.errors.map { condition.handles(Wrapper(wrappedError: $0)) } == expected)
            #expect(
                Self.errors.map { condition.excludes(Wrapper(wrappedError: Wrapper(wrappedError: $0))) } == expected)
        }
    }

    @Test("a type can name the wrapper itself; a function sees what is inside")
    func wrappers() {
        let error = Wrapper(wrappedError: Other())
        #expect(ErrorCondition.only(Wrapper.self).handles(error) && !ErrorCondition.except(Wrapper.self).handles(error))
        #expect(
            !ErrorCondition.errors { $0 is Wrapper }.handles(error) && !ErrorCondition { $0 is Wrapper }.handles(error))
    }

    @Test(
        "a value that was not accepted is handled by all but none and a function about everything, and never an exception"
    )
    func values() {
        let table: [(ErrorCondition, handled: Bool, excluded: Bool)] = [
            (.all, true, false), (.none, false, false), (.rejections, true, false), (.overload, true, false),
            (.only(Other.self), true, false), (.except(Other.self), true, false), (.errors { _ in true }, true, false),
            (.errors { _ in false }, true, false), (.init { _ in true }, true, true),
            (.init { _ in false }, false, false),
            (.init { $0 is UnacceptedResultError }, true, true),
        ]
        for (condition, handled, excluded) in table {
            for value in [UnacceptedResultError(), Wrapper(wrappedError: UnacceptedResultError())] as [any Error] {
                #expect(condition.handles(value) == handled && condition.excludes(value) == excluded)
            }
        }
    }

    @Test("what is ignored goes before what is handled, and the end of the call before both")
    func judging() {
        let conditions = ErrorConditions(handles: .except(Other.self), ignores: .only(Base.self))
        #expect(conditions.judge(Derived(), in: nil) == .ignored)
        #expect(conditions.judge(Other(), in: nil) == .success)
        #expect(conditions.judge(Busy(), in: nil) == .failure)
        #expect(conditions.judge(UnacceptedResultError(), in: nil) == .failure)
        #expect(ErrorConditions(handles: .all, ignores: .none).judge(Full(), in: nil) == .ignored)
        #expect(ErrorConditions(handles: .all, ignores: .all).judge(Busy(), in: nil) == .ignored)
    }

    @Test(
        "a document's words are those of three conditions, and rejections are named by their condition and their types")
    func words() {
        #expect([ErrorCondition.all, .none, .rejections].map(\.word?.rawValue) == ["all", "none", "rejections"])
        #expect(ErrorCondition.only(Other.self).word == nil && ErrorCondition.errors { _ in true }.word == nil)
        #expect(ErrorCondition.rejections.namesRejections && ErrorCondition.only(Other.self, Full.self).namesRejections)
        #expect(!ErrorCondition.all.namesRejections && !ErrorCondition.except(Other.self).namesRejections)
    }
}
