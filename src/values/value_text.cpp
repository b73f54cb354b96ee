#include "values/value_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "base/base64.hpp"
#include "values/array_text.hpp"
#include "values/json_text.hpp"
#include "values/utc_text.hpp"

namespace pulse::values {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_digit);
}

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Fixed-width fields of a date or time; fails on anything but digits.
class field_reader {
 public:
  explicit field_reader(std::string_view text) : rest_(text) {}

  std::optional<int> number(std::size_t width) {
    if (rest_.size() < width || !all_digits(rest_.substr(0, width))) return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < width; ++i) value = value * 10 + (rest_[i] - '0');
    rest_.remove_prefix(width);
    return value;
  }
  bool skip(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool skip_any(std::string_view of) {
    if (rest_.empty() || of.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string_view digits() {
    std::size_t count = 0;
    while (count < rest_.size() && is_digit(rest_[count])) ++count;
    const auto found = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return found;
  }
  bool at_end() const { return rest_.empty(); }
  char peek() const { return rest_.empty() ? '\0' : rest_.front(); }

 private:
  std::string_view rest_;
};

std::optional<std::int64_t> read_date_days(field_reader& reader) {
  const auto year = reader.number(4);
  if (!year || !reader.skip('-')) return std::nullopt;
  const auto month = reader.number(2);
  if (!month || !reader.skip('-')) return std::nullopt;
  const auto day = reader.number(2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (*year < 1 || !date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count();
}

// Hours to 24: PostgreSQL has 24:00:00.
std::optional<std::int64_t> read_time_us(field_reader& reader) {
  const auto hour = reader.number(2);
  if (!hour || *hour > 24 || !reader.skip(':')) return std::nullopt;
  const auto minute = reader.number(2);
  if (!minute || *minute > 59) return std::nullopt;
  int second = 0;
  std::int64_t fraction = 0;
  if (reader.skip(':')) {
    const auto read = reader.number(2);
    if (!read || *read > 60) return std::nullopt;
    second = *read;
    if (reader.skip('.')) {
      const auto digits = reader.digits();
      if (digits.empty()) return std::nullopt;
      for (std::size_t i = 0; i < 6; ++i)
        fraction = fraction * 10 + (i < digits.size() ? digits[i] - '0' : 0);
    }
  }
  return ((*hour * 60LL + *minute) * 60 + second) * 1'000'000 + fraction;
}

// "Z", "+02", "-05:30", "+05:53:28"; nothing at all is UTC.
std::optional<std::int64_t> read_offset_us(field_reader& reader) {
  if (reader.at_end() || reader.skip('Z')) return 0;
  const int sign = reader.peek() == '-' ? -1 : 1;
  if (!reader.skip_any("+-")) return std::nullopt;
  std::int64_t seconds = 0;
  std::int64_t unit = 3600;
  for (; unit >= 1; unit /= 60) {
    const auto part = reader.number(2);
    if (!part) return std::nullopt;
    seconds += *part * unit;
    reader.skip(':');
    if (reader.at_end()) break;
  }
  return sign * seconds * 1'000'000;
}

constexpr std::int64_t us_per_day = 86'400'000'000;

// {"$type":"DateTime","value":"2024-05-28T12:34:56.789Z"}: milliseconds always, microseconds when
// there are any.
bool append_date_time(std::string& to, value_kind kind, std::string_view text) {
  const auto instant = parse_instant_us(kind, text);
  if (!instant) return false;
  const auto before = to.size();
  to += R"({"$type":"DateTime","value":")";
  if (!append_utc(to, *instant)) {
    to.resize(before);
    return false;
  }
  to += R"("})";
  return true;
}

// JSON has no leading zeros (RFC 8259, section 6), and neither have PostgreSQL's integers.
bool is_integer(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return all_digits(text) && (text.size() == 1 || text.front() != '0');
}

}  // namespace

bool is_json_number(std::string_view text) {
  field_reader reader(text);
  reader.skip('-');
  const auto whole = reader.digits();
  if (whole.empty() || (whole.size() > 1 && whole.front() == '0')) return false;
  if (reader.skip('.') && reader.digits().empty()) return false;
  if (reader.skip_any("eE")) {
    reader.skip_any("+-");
    if (reader.digits().empty()) return false;
  }
  return reader.at_end();
}

namespace {

bool is_decimal(std::string_view text) {
  if (text == "NaN" || text == "Infinity" || text == "-Infinity") return true;
  return is_json_number(text);
}

void append_tagged(std::string& to, std::string_view tag, std::string_view plain_value) {
  to += R"({"$type":")";
  to += tag;
  to += R"(","value":")";
  to += plain_value;
  to += R"("})";
}

}  // namespace

std::optional<std::int64_t> parse_instant_us(value_kind kind, std::string_view text) {
  field_reader reader(text);
  std::int64_t instant = 0;
  const bool has_date = kind != value_kind::time && kind != value_kind::timetz;
  // A filter's value for a time column is an ISO instant on some day: only its time counts.
  if (has_date || (text.size() > 10 && text[4] == '-')) {
    const auto days = read_date_days(reader);
    if (!days) return std::nullopt;
    if (has_date) instant = *days * us_per_day;
    if (reader.at_end()) return instant;
    if (!reader.skip_any("T ")) return std::nullopt;
  }
  const auto time = read_time_us(reader);
  if (!time) return std::nullopt;
  const auto offset = read_offset_us(reader);
  if (!offset || !reader.at_end()) return std::nullopt;
  if (kind == value_kind::date) return instant;
  // Prisma reads 24:00 as the next day's beginning.
  if (!has_date) return time;
  return instant + *time - *offset;
}

std::optional<std::string> canonical_decimal(std::string_view text) {
  if (text == "NaN" || text == "Infinity" || text == "-Infinity") return std::string(text);
  field_reader reader(text);
  const bool negative = reader.peek() == '-';
  reader.skip_any("+-");
  const auto whole = reader.digits();
  const auto fraction = reader.skip('.') ? reader.digits() : std::string_view();
  if (whole.empty() && fraction.empty()) return std::nullopt;
  int exponent = 0;
  if (reader.skip_any("eE")) {
    const bool down = reader.peek() == '-';
    reader.skip_any("+-");
    const auto digits = reader.digits();
    // PostgreSQL's numeric has at most 131072 digits before the point.
    if (digits.empty() || digits.size() > 6) return std::nullopt;
    for (const char c : digits) exponent = exponent * 10 + (c - '0');
    if (down) exponent = -exponent;
  }
  if (!reader.at_end()) return std::nullopt;
  std::string digits(whole);
  digits += fraction;
  auto point = static_cast<std::ptrdiff_t>(whole.size()) + exponent;
  if (point < 0) {
    digits.insert(0, static_cast<std::size_t>(-point), '0');
    point = 0;
  }
  if (point > static_cast<std::ptrdiff_t>(digits.size()))
    digits.append(static_cast<std::size_t>(point) - digits.size(), '0');
  auto before = digits.substr(0, static_cast<std::size_t>(point));
  auto after = digits.substr(static_cast<std::size_t>(point));
  before.erase(0, std::min(before.find_first_not_of('0'), before.size()));
  after.erase(after.find_last_not_of('0') + 1);
  if (before.empty() && after.empty()) return "0";
  std::string canonical = negative ? "-" : "";
  canonical += before.empty() ? "0" : before;
  if (!after.empty()) canonical += "." + after;
  return canonical;
}

std::size_t money_decimals(const column_type& type) {
  constexpr std::size_t usual = 2;
  return type.modifier < 0 ? usual : static_cast<std::size_t>(type.modifier);
}

std::optional<std::string> money_number(const column_type& type, std::string_view text) {
  std::string number;
  for (const char c : text) {
    const bool sign = c == '-' && number.empty();
    if (is_digit(c) || c == '.' || sign) {
      number += c;
    } else if (c != '$' && c != ',') {
      return std::nullopt;
    }
  }
  if (!is_json_number(number)) return std::nullopt;
  const auto decimals = money_decimals(type);
  if (type.modifier < 0) return number;
  // PostgreSQL stores how many of the currency's smallest units there are, and has divided by 100.
  const auto point = number.find('.');
  if (point == std::string::npos) return std::nullopt;
  number.erase(point, 1);
  const std::size_t sign = number.starts_with('-') ? 1 : 0;
  number.erase(sign, std::min(number.find_first_not_of('0', sign), number.size()) - sign);
  const auto digits = number.size() - sign;
  if (digits <= decimals) number.insert(sign, decimals + 1 - digits, '0');
  if (decimals != 0) number.insert(number.size() - decimals, 1, '.');
  return number;
}

std::optional<std::string> decode_hex_bytea(std::string_view text) {
  if (!text.starts_with("\\x") || text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 2; i < text.size(); i += 2) {
    const int high = hex_digit(text[i]);
    const int low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

bool append_value(std::string& to, const column_type& type, std::string_view text) {
  const auto kind = type.kind;
  switch (kind) {
    case value_kind::boolean:
      if (text != "t" && text != "f") return false;
      to += text == "t" ? "true" : "false";
      return true;
    case value_kind::int2:
    case value_kind::int4:
    case value_kind::oid:
      if (!is_integer(text)) return false;
      to += text;
      return true;
    case value_kind::int8:
      if (!is_integer(text)) return false;
      append_tagged(to, "BigInt", text);
      return true;
    case value_kind::float4:
    case value_kind::float8:
      if (text == "Infinity" || text == "-Infinity") {
        // A number beyond all doubles: JSON.parse reads it as the infinity that Prisma reads.
        to += text.front() == '-' ? "-1e999" : "1e999";
        return true;
      }
      if (!is_json_number(text)) return false;
      to += text;
      return true;
    case value_kind::numeric:
      if (!is_decimal(text)) return false;
      append_tagged(to, "Decimal", text);
      return true;
    case value_kind::money: {
      const auto number = money_number(type, text);
      if (!number) return false;
      append_tagged(to, "Decimal", *number);
      return true;
    }
    case value_kind::bytea: {
      const auto bytes = decode_hex_bytea(text);
      if (!bytes) return false;
      to += R"({"$type":"Bytes","value":")";
      append_base64(to, *bytes);
      to += R"("})";
      return true;
    }
    case value_kind::json:
    case value_kind::jsonb:
      to += R"({"$type":"Json","value":)";
      append_json_string(to, text);
      to += '}';
      return true;
    case value_kind::date:
    case value_kind::time:
    case value_kind::timetz:
    case value_kind::timestamp:
    case value_kind::timestamptz:
      return append_date_time(to, kind, text);
    case value_kind::text:
    case value_kind::enumeration:
      append_json_string(to, text);
      return true;
    case value_kind::other:
    case value_kind::plain:
    case value_kind::composite:
    case value_kind::range:
    case value_kind::multirange:
    case value_kind::hstore:
    case value_kind::list:
      return false;
  }
  return false;
}

list_rendering append_list(std::string& to, const column_type& type, std::string_view text) {
  auto rendering = list_rendering::whole;
  const bool read = append_array(to, text, type.delimiter, [&](std::string_view value) {
    if (!append_value(to, type, value)) {
      append_json_string(to, value);
      rendering = list_rendering::with_texts;
    }
    return true;
  });
  return read ? rendering : list_rendering::damaged;
}

}  // namespace pulse::values
