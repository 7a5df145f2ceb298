import ResilienceStoreTesting
import Testing

@Suite struct StoreViolationTests {
    @Test("A violation says which rule does not hold, and what was seen instead")
    func description() {
        let violation = StoreViolation("a lease goes to one node", found: "two hold it")
        #expect(violation.description == "a lease goes to one node: two hold it")
    }
}
