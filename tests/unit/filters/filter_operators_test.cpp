#include "filters/filter_operators.hpp"

#include "tests/unit/filters/filter_cases.hpp"

namespace pulse::filters::filter_operators_test {
namespace {

using testing::one_column;

constexpr std::uint32_t boolean = 16;
constexpr std::uint32_t bytea = 17;
constexpr std::uint32_t int8 = 20;
constexpr std::uint32_t int4 = 23;
constexpr std::uint32_t text = 25;
constexpr std::uint32_t oid = 26;
constexpr std::uint32_t xml = 142;
constexpr std::uint32_t float4 = 700;
constexpr std::uint32_t float8 = 701;
constexpr std::uint32_t money = 790;
constexpr std::uint32_t inet = 869;
constexpr std::uint32_t bpchar = 1042;
constexpr std::uint32_t date = 1082;
constexpr std::uint32_t time_of_day = 1083;
constexpr std::uint32_t timestamp = 1114;
constexpr std::uint32_t timestamptz = 1184;
constexpr std::uint32_t timetz = 1266;
constexpr std::uint32_t varbit = 1562;
constexpr std::uint32_t numeric = 1700;
constexpr std::uint32_t uuid = 2950;

struct operator_case {
  std::uint32_t type;
  const char* filter;
  const char* value;  // null: NULL
  const char* judged;
};

// What PostgreSQL makes of the SQL that Prisma 6.19 sends for the filter.
const std::vector<operator_case> cases{
    // NULL is neither equal nor unequal, and in no order.
    {int4, "5", nullptr, "no"},
    {int4, R"({"not":5})", nullptr, "no"},
    {int4, R"({"notIn":[5]})", nullptr, "no"},
    {int4, R"({"lt":5})", nullptr, "no"},
    {int4, R"({"not":{"lt":5}})", nullptr, "no"},
    {int4, "null", nullptr, "yes"},
    {int4, "null", "1", "no"},
    {int4, R"({"not":null})", nullptr, "no"},
    {int4, R"({"not":null})", "1", "yes"},
    {int4, R"({"not":{"equals":null}})", "1", "yes"},
    {int4, R"({"not":{"not":null}})", nullptr, "no"},
    {int4, R"({"not":{"not":5}})", "5", "no"},
    {int4, R"({"not":{"not":{"equals":5}}})", "5", "yes"},
    {int4, R"({"not":{"not":{"equals":null}}})", nullptr, "yes"},
    {int4, R"({"in":null})", nullptr, "yes"},
    {int4, R"({"notIn":null})", nullptr, "no"},
    // Of nothing: decided for NULL too.
    {int4, R"({"in":[]})", nullptr, "no"},
    {int4, R"({"notIn":[]})", nullptr, "yes"},
    {int4, R"({"not":{"in":[]}})", nullptr, "yes"},
    // Nothing asked is everything wanted.
    {int4, "{}", nullptr, "yes"},
    {int4, R"({"not":{}})", nullptr, "yes"},
    // All of an object, and each of a `not`.
    {int4, R"({"gt":1,"lt":5})", "3", "yes"},
    {int4, R"({"gt":1,"lt":5})", "5", "no"},
    {int4, R"({"not":{"gt":1,"lt":5}})", "3", "no"},
    {int4, R"({"not":{"gt":1,"lt":5}})", "0", "no"},
    {int4, R"({"not":{"gt":4,"lt":2}})", "3", "yes"},
    {int4, R"({"not":{"in":[1,2]}})", "3", "yes"},
    {int4, R"({"not":{"notIn":[1]}})", "1", "yes"},
    {int4, R"({"gte":-5})", "-5", "yes"},
    {int4, R"({"gt":-6})", "-5", "yes"},
    {int4, R"({"lt":-5})", "-50", "yes"},
    {int4, R"({"lte":2147483647})", "2147483647", "yes"},
    {int8, R"({"lt":{"$type":"BigInt","value":"9007199254740993"}})", "9007199254740992", "yes"},
    {int8, R"({"in":[{"$type":"BigInt","value":"-1"},7]})", "7", "yes"},
    {oid, R"({"gt":2147483647})", "4294967295", "yes"},
    {boolean, "true", "t", "yes"},
    {boolean, R"({"not":true})", "f", "yes"},
    // Floats: NaN above everything, -0 is 0, real as real.
    {float8, R"({"gt":1e308})", "NaN", "yes"},
    {float8, R"({"gt":1e308})", "Infinity", "yes"},
    {float8, R"({"lt":-1e308})", "-Infinity", "yes"},
    {float8, "0", "-0", "yes"},
    {float8, R"({"lt":0.1})", "1e-05", "yes"},
    {float4, "0.1", "0.1", "yes"},
    {float4, R"({"gt":0.1})", "0.1", "no"},
    // Decimals of any precision and spelling.
    {numeric, R"({"$type":"Decimal","value":"1.50"})", "1.5", "yes"},
    {numeric, R"({"gt":{"$type":"Decimal","value":"0.1234567890123456789012345678901"}})",
     "0.12345678901234567890123456789011", "yes"},
    {numeric, R"({"lt":{"$type":"Decimal","value":"-1e20"}})", "-100000000000000000001", "yes"},
    {numeric, R"({"lt":-2})", "-10", "yes"},
    {numeric, R"({"lt":-1.2})", "-1.23", "yes"},
    {numeric, R"({"gt":"1e99"})", "NaN", "yes"},
    {numeric, R"({"gt":"1e99"})", "Infinity", "yes"},
    {numeric, "0", "-0.000", "yes"},
    {money, R"({"lt":{"$type":"Decimal","value":"-1000"}})", "-$1,234.50", "yes"},
    // Instants to the microsecond; years of any length; infinities.
    {timestamp, R"({"lt":{"$type":"DateTime","value":"2024-05-28T12:34:56.789Z"}})",
     "2024-05-28 12:34:56.788999", "yes"},
    {timestamp, R"({"gt":{"$type":"DateTime","value":"2024-05-28T12:34:56.789Z"}})",
     "2024-05-28 12:34:56.789001", "yes"},
    {timestamp, R"({"gt":{"$type":"DateTime","value":"2024-05-28T12:34:56.789Z"}})",
     "294276-12-31 23:59:59.999999", "yes"},
    {timestamp, R"({"lt":{"$type":"DateTime","value":"0001-01-01T00:00:00.000Z"}})",
     "0044-03-15 00:00:00 BC", "yes"},
    {timestamp, R"({"lt":{"$type":"DateTime","value":"0001-01-01T00:00:00.000Z"}})", "-infinity",
     "yes"},
    {timestamp, R"({"gt":{"$type":"DateTime","value":"9999-12-31T23:59:59.999Z"}})", "infinity",
     "yes"},
    {timestamptz, R"({"$type":"DateTime","value":"2024-05-28T07:04:56.000Z"})",
     "2024-05-28 12:34:56+05:30", "yes"},
    {timestamptz, R"({"lt":{"$type":"DateTime","value":"2024-01-01T00:00:00.000Z"}})",
     "2024-01-01 00:30:00+01", "yes"},
    {date, R"({"$type":"DateTime","value":"2024-05-28T23:00:00.000Z"})", "2024-05-28", "yes"},
    {date, R"({"gt":{"$type":"DateTime","value":"2024-05-28T00:00:00.000Z"}})", "10000-01-01",
     "yes"},
    {time_of_day, R"({"gte":{"$type":"DateTime","value":"2020-02-02T12:00:00.000Z"}})", "24:00:00",
     "yes"},
    {timetz, R"({"$type":"DateTime","value":"1970-01-01T10:00:00.000Z"})", "10:00:00+00", "yes"},
    {timetz, R"({"$type":"DateTime","value":"1970-01-01T10:00:00.000Z"})", "12:00:00+02", "no"},
    {timetz, R"({"lt":{"$type":"DateTime","value":"1970-01-01T10:00:00.000Z"}})", "11:00:00+02",
     "yes"},
    {bytea, R"({"in":[{"$type":"Bytes","value":"AP8="}]})", "\\x00ff", "yes"},
    {bytea, R"({"not":{"$type":"Bytes","value":"AP8="}})", "\\x00", "yes"},
    {uuid, R"("0B5C2D3E-4F50-4617-8293-A4B5C6D7E8F9")", "0b5c2d3e-4f50-4617-8293-a4b5c6d7e8f9",
     "yes"},
    {uuid, R"({"lt":"0b5c2d3e-4f50-4617-8293-a4b5c6d7e8f9"})",
     "0b5c2d3e-4f50-4617-8293-a4b5c6d7e8f8", "yes"},
    {inet, R"("10.0.0.1/32")", "10.0.0.1", "yes"},
    {inet, R"({"lt":"10.0.0.1"})", "10.0.0.0/8", "yes"},
    {inet, R"({"gt":"255.255.255.255"})", "::1", "yes"},
    {inet, R"({"endsWith":"/32"})", "10.0.0.1", "yes"},
    {varbit, R"({"lt":"11"})", "101", "yes"},
    {varbit, R"({"gt":"1"})", "10", "yes"},
    // Text.
    {text, R"({"contains":"a%b"})", "xa%by", "yes"},
    {text, R"({"contains":""})", "", "yes"},
    {text, R"({"startsWith":"x_"})", "xy", "no"},
    {text, R"({"endsWith":"é"})", "José", "yes"},
    {text, R"({"not":{"contains":"q"}})", "abc", "yes"},
    {text, R"({"not":{"contains":"q"}})", nullptr, "no"},
    {text, R"({"contains":"STRASSE","mode":"insensitive"})", "straße", "no"},
    {text, R"({"equals":"STRAßE","mode":"insensitive"})", "straße", "yes"},
    {text, R"({"in":["ÄRGER"],"mode":"insensitive"})", "ärger", "yes"},
    {text, R"({"not":"A","mode":"insensitive"})", "a", "no"},
    {text, R"({"not":{"in":["A"]},"mode":"insensitive"})", "b", "yes"},
    {text, R"({"lt":"B","mode":"insensitive"})", "a", "yes"},
    {text, R"({"mode":"insensitive"})", nullptr, "yes"},
    {text, R"({"lt":"a"})", "Z", "yes"},
    {text, R"({"gt":"z"})", "é", "yes"},
    {bpchar, R"("ab")", "ab   ", "yes"},
    {bpchar, R"({"endsWith":"b"})", "ab   ", "yes"},
    {bpchar, R"({"endsWith":"B","mode":"insensitive"})", "ab   ", "no"},
    {bpchar, R"({"equals":"AB","mode":"insensitive"})", "ab   ", "no"},
    {bpchar, R"({"in":["AB"],"mode":"insensitive"})", "ab   ", "yes"},
    {xml, R"({"contains":"<b"})", "<a><b/></a>", "yes"},
    // Text that is no value of its type decides nothing.
    {int4, "5", "five", "undecided"},
    {timestamp, R"({"lt":{"$type":"DateTime","value":"2024-05-28T12:34:56.789Z"}})", "yesterday",
     "undecided"},
};

TEST(filter_operators, judge_as_postgresql_does) {
  for (const auto& tested : cases) {
    const auto value =
        tested.value == nullptr ? std::nullopt : std::optional<std::string>(tested.value);
    EXPECT_EQ(one_column(tested.type).judge(tested.filter, value), tested.judged)
        << "type " << tested.type << ", filter " << tested.filter << ", value "
        << value.value_or("NULL");
  }
}

struct refusal_case {
  std::uint32_t type;
  const char* filter;
  const char* says;
};

TEST(filter_operators, refuse_what_cannot_be_by_field_and_operator) {
  const std::vector<refusal_case> refusals{
      {int4, R"("5")", R"(create.v: equals: "5" is no value of type int4)"},
      {int4, R"(2147483648)", "create.v: equals: "},
      {int4, R"(1.5)", "create.v: equals: "},
      {int4, R"({"in":[1,null]})", "create.v: in: null"},
      {int4, R"({"in":5})", "create.v: in: is not an array"},
      {int4, R"({"lt":null})", "create.v: lt: "},
      {int4, R"({"contains":"x"})", "create.v: contains: "},
      {int4, R"({"equals":1,"mode":"insensitive"})", "create.v: mode: "},
      {int4, R"({"not":{"resembles":1}})", "create.v: not: resembles: "},
      {boolean, R"({"in":[true]})", "create.v: in: "},
      {bytea, R"({"lt":{"$type":"Bytes","value":""}})", "create.v: lt: "},
      {text, R"({"contains":5})", "create.v: contains: is not a string"},
      {text, R"({"not":{"equals":"x","mode":"insensitive"}})", "create.v: not: mode: "},
      {text, R"({"equals":"x","mode":"loud"})", "create.v: mode: "},
      {uuid, R"("nobody")", "create.v: equals: "},
      {uuid, R"({"contains":"a"})", "create.v: contains: "},
      {xml, R"("<a/>")", "create.v: equals: "},
      {timestamp, R"({"gt":"soon"})", "create.v: gt: "},
      {numeric, R"({"in":["1","x"]})", "create.v: in: "},
  };
  for (const auto& tested : refusals) {
    EXPECT_TRUE(one_column(tested.type).judge(tested.filter, std::nullopt).starts_with(tested.says))
        << tested.filter << ": " << one_column(tested.type).judge(tested.filter, std::nullopt);
  }
}

TEST(filter_operators, a_value_that_is_no_label_is_refused_with_the_labels) {
  one_column moods(text);
  auto& type = moods.table.columns[0].type;
  type.kind = value_kind::enumeration;
  type.name = "mood";
  moods.facts.columns["v"].labels = {"sad", "happy"};
  EXPECT_EQ(moods.judge(R"("happy")", "happy"), "yes");
  EXPECT_EQ(moods.judge(R"({"not":{"in":["happy"]}})", "sad"), "yes");
  EXPECT_EQ(moods.judge(R"({"in":["glad"]})", "sad"),
            "create.v: in: 'glad' is no label of the enum mood; its labels are sad, happy");
  EXPECT_TRUE(moods.judge(R"({"lt":"happy"})", "sad").starts_with("create.v: lt: "));
}

TEST(filter_operators, a_domain_compares_as_what_it_is_over) {
  one_column ids(uuid);
  ids.table.columns[0].type.oid = 16500;
  ids.table.columns[0].type.name = "order_id";
  ids.facts.columns["v"].type_oid = 16500;
  ids.facts.columns["v"].base_type = "uuid";
  EXPECT_EQ(ids.judge(R"("0B5C2D3E-4F50-4617-8293-A4B5C6D7E8F9")",
                      "0b5c2d3e-4f50-4617-8293-a4b5c6d7e8f9"),
            "yes");
}

}  // namespace
}  // namespace pulse::filters::filter_operators_test
