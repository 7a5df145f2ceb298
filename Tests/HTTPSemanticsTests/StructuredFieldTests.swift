import Testing

@testable import HTTPSemantics

@Suite("Structured fields")
struct StructuredFieldTests {
    /// The members of a list of one line, without their parameters.
    private func items(_ line: String) -> [StructuredList.Item]? { StructuredList([line])?.members.map(\.item) }

    private func parameters(_ line: String) -> [String: StructuredList.Item]? {
        StructuredList([line])?.members.first?.parameters
    }

    @Test(
        "An item is a number, a string, a token, bytes or a boolean",
        arguments: [
            ("0", .integer(0)), ("-12", .integer(-12)), ("007", .integer(7)),
            ("999999999999999", .integer(999_999_999_999_999)), ("-999999999999999", .integer(-999_999_999_999_999)),
            ("1.5", .decimal(1.5)), ("-0.125", .decimal(-0.125)), ("123456789012.5", .decimal(123_456_789_012.5)),
            (#""""#, .string("")), (#""a b~!""#, .string("a b~!")), (#""\"\\""#, .string(#""\"#)),
            ("a", .token("a")), ("Z", .token("Z")), ("z", .token("z")), ("A9", .token("A9")), ("*", .token("*")),
            ("a!#$%&'*+-.^_`|~:/Z", .token("a!#$%&'*+-.^_`|~:/Z")), ("::", .bytes("")),
            (":azAZ09+/=:", .bytes("azAZ09+/=")), ("?1", .boolean(true)), ("?0", .boolean(false)),
        ] as [(String, StructuredList.Item)])
    func item(_ row: (text: String, item: StructuredList.Item)) {
        #expect(items(row.text) == [row.item])
        #expect(items(row.text + "," + row.text) == [row.item, row.item])
        #expect(parameters("a;k=" + row.text) == ["k": row.item])
    }

    @Test(
        "What is no item makes the field unreadable, alone, in a list and as a parameter",
        arguments: [
            "-", "--1", "-a", "1000000000000000", "1.", ".5", "1.2345", "1.5.5", "1234567890123.1", "1e3", "+1", "?",
            "?2", "?01", "?true", #"""#, #""a"#, #""\"#, #""\a""#, "\"\u{1F}\"", "\"\u{7F}\"", "\"é\"", "\"\t\"", ":",
            ":a", ":a b:", ":a-b:", ":a@:", ":a[:", ":a`:", ":a{:", "@1659578233", "(1 2)", "()", "%\"x\"", "_a", "[a",
            "`a", "{a", "é", "\u{0}", "/a",
        ])
    func noItem(_ text: String) {
        #expect(StructuredList([text]) == nil)
        #expect(StructuredList(["1", text]) == nil)
        #expect(StructuredList([text, "1"]) == nil)
        #expect(StructuredList(["a;k=" + text]) == nil)
    }

    @Test("Blanks stand where a list may have them, and nowhere else")
    func blanks() {
        for line in ["1,2", "1, 2", "1 ,2", "1\t , \t2", "  1,2", "1,2  ", "1,2\t"] {
            #expect(items(line) == [.integer(1), .integer(2)])
        }
        for line in ["\t1", "1 2", "1\t2", "1,,2", ",1", "1,", "1, ", "1,\t", "1,2,", ",", " ,"] {
            #expect(items(line) == nil)
        }
        #expect(items("") == [])
        #expect(items("   ") == [])
        #expect(StructuredList([])?.members.isEmpty == true)
        #expect(parameters("1;  a;b") == ["a": .boolean(true), "b": .boolean(true)])
        for line in ["1 ;a", "1;\ta", "1;a =1", "1;a= 1", "1;", "1;;a", "1;a=", "1;=1"] { #expect(items(line) == nil) }
    }

    @Test("A key is of lower case, and the last of one key counts")
    func keys() {
        for key in ["a", "z", "*", "*a", "az09_-.*"] { #expect(parameters("1;\(key)=2") == [key: .integer(2)]) }
        for key in ["A", "Z", "aB", "1", "_a", "-a", ".a", "`", "{", "a`", "a{", "a/", "a:", "é"] {
            #expect(items("1;\(key)=2") == nil, "\(key)")
        }
        #expect(parameters("1;a=1;b=?0;a=2;c") == ["a": .integer(2), "b": .boolean(false), "c": .boolean(true)])
        #expect(parameters("1;a=1;a") == ["a": .boolean(true)])
    }

    @Test("A field is bounded in its bytes, members and parameters, and read up to there")
    func bounds() {
        let text = "\"" + String(repeating: "a", count: 8190) + "\""
        #expect(items(text)?.count == 1)
        #expect(StructuredList([text + " "]) == nil)
        #expect(StructuredList([text, "1"]) == nil)
        #expect(StructuredList(["1", text, text]) == nil)
        let line = { (text: String, count: Int) in Array(repeating: text, count: count) }
        #expect(StructuredList(line("1", 64))?.members.count == 64)
        #expect(StructuredList(line("1", 65)) == nil)
        let keys = (0..<33).map { ";a\($0)" }
        #expect(parameters("1" + keys.dropLast().joined())?.count == 32)
        #expect(StructuredList(["1" + keys.joined()]) == nil)
        // Those of one key are counted too, and each member has its own.
        #expect(StructuredList(["1" + line(";a", 33).joined()]) == nil)
        #expect(StructuredList(line("1" + line(";a", 32).joined(), 3))?.members.count == 3)
    }

    @Test("A string is written with its quotes and backslashes escaped, and without what cannot stand in one")
    func quoted() {
        #expect(StructuredList.quoted("") == #""""#)
        #expect(StructuredList.quoted(#"a "b" \c"#) == #""a \"b\" \\c""#)
        #expect(StructuredList.quoted("\u{1F}\u{20}!~\u{7E}\u{7F}é\n") == #"" !~~""#)
        for text in ["", "x", #"\"#, #"""#, #"\\""#, " ~"] {
            #expect(items(StructuredList.quoted(text)) == [.string(text)])
        }
    }
}
