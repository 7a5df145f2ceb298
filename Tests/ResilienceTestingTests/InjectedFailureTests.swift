import ResilienceCore
import ResilienceTesting
import Testing

@Suite struct InjectedFailureTests {
    @Test("failures are equal if label and hint are")
    func equality() {
        #expect(InjectedFailure("a") == InjectedFailure("a"))
        #expect(InjectedFailure("a") != InjectedFailure("b"))
        #expect(InjectedFailure("a", retryAfter: .seconds(1)) != InjectedFailure("a"))
        #expect(InjectedFailure() == InjectedFailure("injected"))
    }

    @Test("a failure tells when to try again")
    func hint() {
        let failure: any Error = InjectedFailure("busy", retryAfter: .seconds(2))
        #expect((failure as? any RetryAfterProviding)?.retryAfter == .seconds(2))
        #expect("\(failure)" == "injected failure \"busy\"; retry after 2 seconds")
        #expect("\(InjectedFailure("busy"))" == "injected failure \"busy\"")
    }
}
