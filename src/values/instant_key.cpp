#include "values/instant_key.hpp"

#include <charconv>
#include <cstdint>

#include "values/number_key.hpp"

namespace pulse::values {
namespace {

constexpr std::int64_t day_us = 86'400'000'000;

class reader {
 public:
  explicit reader(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  bool skip(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // A run of digits, of which there are between `least` and `most`.
  std::optional<std::int64_t> digits(std::size_t least, std::size_t most) {
    std::size_t count = 0;
    while (count < rest_.size() && rest_[count] >= '0' && rest_[count] <= '9') ++count;
    if (count < least || count > most) return std::nullopt;
    std::int64_t value = 0;
    const auto run = rest_.substr(0, count);
    std::from_chars(run.data(), run.data() + run.size(), value);
    rest_.remove_prefix(count);
    return value;
  }
  // The digits after a decimal point, as millionths; more than six are cut off.
  std::optional<std::int64_t> fraction_us() {
    std::int64_t value = 0;
    std::size_t count = 0;
    for (; count < rest_.size() && rest_[count] >= '0' && rest_[count] <= '9'; ++count) {
      if (count < 6) value = value * 10 + (rest_[count] - '0');
    }
    if (count == 0) return std::nullopt;
    for (auto i = count; i < 6; ++i) value *= 10;
    rest_.remove_prefix(count);
    return value;
  }

 private:
  std::string_view rest_;
};

struct civil_date {
  std::int64_t year = 0;  // astronomical: 0 is 1 BC
  std::int64_t month = 0;
  std::int64_t day = 0;
};

bool is_leap(std::int64_t year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

std::int64_t days_in(const civil_date& date) {
  switch (date.month) {
    case 2:
      return is_leap(date.year) ? 29 : 28;
    case 4:
    case 6:
    case 9:
    case 11:
      return 30;
    default:
      return 31;
  }
}

// Days since 1970-01-01 in the proleptic Gregorian calendar; std::chrono's years end at 32767,
// PostgreSQL's at 5874897.
std::int64_t days_of(const civil_date& date) {
  const auto year = date.month <= 2 ? date.year - 1 : date.year;
  const auto era = (year >= 0 ? year : year - 399) / 400;
  const auto year_of_era = year - era * 400;
  const auto month = (date.month + 9) % 12;  // March is 0
  const auto day_of_year = (153 * month + 2) / 5 + date.day - 1;
  const auto day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

std::optional<civil_date> read_date(reader& from) {
  const bool minus = from.skip('-');
  if (!minus) from.skip('+');
  const auto year = from.digits(4, 7);
  if (!year || !from.skip('-')) return std::nullopt;
  const auto month = from.digits(2, 2);
  if (!month || !from.skip('-')) return std::nullopt;
  const auto day = from.digits(2, 2);
  if (!day) return std::nullopt;
  return civil_date{minus ? -*year : *year, *month, *day};
}

// Up to 24:00:00, which PostgreSQL has.
std::optional<std::int64_t> read_time_us(reader& from) {
  const auto hour = from.digits(2, 2);
  if (!hour || *hour > 24 || !from.skip(':')) return std::nullopt;
  const auto minute = from.digits(2, 2);
  if (!minute || *minute > 59) return std::nullopt;
  std::int64_t second = 0;
  std::int64_t fraction = 0;
  if (from.skip(':')) {
    const auto read = from.digits(2, 2);
    if (!read || *read > 60) return std::nullopt;
    second = *read;
    if (from.skip('.')) {
      const auto millionths = from.fraction_us();
      if (!millionths) return std::nullopt;
      fraction = *millionths;
    }
  }
  return ((*hour * 60 + *minute) * 60 + second) * 1'000'000 + fraction;
}

// Seconds east of Greenwich: "Z", "+02", "-05:30", "+05:53:28"; nothing is UTC.
std::optional<std::int64_t> read_offset(reader& from) {
  if (from.skip('Z')) return 0;
  const bool minus = from.skip('-');
  if (!minus && !from.skip('+')) return 0;
  std::int64_t seconds = 0;
  for (const std::int64_t unit : {3600, 60, 1}) {
    const auto part = from.digits(2, 2);
    if (!part) return std::nullopt;
    seconds += *part * unit;
    if (!from.skip(':')) break;
  }
  return minus ? -seconds : seconds;
}

std::optional<std::string> time_key(value_kind kind, std::string_view text) {
  // Of an ISO instant the time of day counts.
  if (const auto t = text.find('T'); t != std::string_view::npos) text.remove_prefix(t + 1);
  reader from(text);
  const auto time = read_time_us(from);
  if (!time) return std::nullopt;
  const auto offset = read_offset(from);
  if (!offset || !from.at_end()) return std::nullopt;
  if (kind == value_kind::time) return integer_key(*time);
  return integer_key(*time - *offset * 1'000'000) + integer_key(-*offset);
}

}  // namespace

std::optional<std::string> instant_key(value_kind kind, std::string_view text) {
  if (kind == value_kind::time || kind == value_kind::timetz) return time_key(kind, text);
  if (text == "-infinity") return std::string(1, '\0');
  if (text == "infinity") return std::string(1, '\2');
  constexpr std::string_view before_christ = " BC";
  const bool bc = text.ends_with(before_christ);
  if (bc) text.remove_suffix(before_christ.size());
  reader from(text);
  auto date = read_date(from);
  if (!date) return std::nullopt;
  if (bc) date->year = 1 - date->year;
  if (date->month < 1 || date->month > 12 || date->day < 1 || date->day > days_in(*date))
    return std::nullopt;
  std::int64_t time = 0;
  if (!from.at_end()) {
    if (!from.skip('T') && !from.skip(' ')) return std::nullopt;
    const auto read = read_time_us(from);
    if (!read) return std::nullopt;
    const auto offset = read_offset(from);
    if (!offset || !from.at_end()) return std::nullopt;
    time = *read - *offset * 1'000'000;
  }
  if (kind == value_kind::date) time = 0;
  auto days = days_of(*date) + time / day_us;
  time %= day_us;
  if (time < 0) {
    time += day_us;
    --days;
  }
  // Two numbers: PostgreSQL's last timestamps are beyond 64 bits of microseconds since 1970.
  return '\1' + integer_key(days) + integer_key(time);
}

}  // namespace pulse::values
