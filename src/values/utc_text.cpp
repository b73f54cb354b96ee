#include "values/utc_text.hpp"

#include <array>
#include <charconv>
#include <chrono>

namespace pulse::values {
namespace {

void append_padded(std::string& to, std::int64_t value, int width) {
  std::array<char, 20> digits{};
  const auto [end, failure] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  const auto size = end - digits.data();
  if (size < width) to.append(static_cast<std::size_t>(width - size), '0');
  to.append(digits.data(), end);
}

}  // namespace

bool append_utc(std::string& to, std::int64_t instant_us) {
  const auto days = std::chrono::floor<std::chrono::days>(std::chrono::microseconds(instant_us));
  const std::chrono::year_month_day date{std::chrono::sys_days(days)};
  if (static_cast<int>(date.year()) < 1 || static_cast<int>(date.year()) > 9999) return false;
  auto rest = instant_us - std::chrono::microseconds(days).count();
  append_padded(to, static_cast<int>(date.year()), 4);
  to += '-';
  append_padded(to, static_cast<unsigned>(date.month()), 2);
  to += '-';
  append_padded(to, static_cast<unsigned>(date.day()), 2);
  to += 'T';
  append_padded(to, rest / 3'600'000'000, 2);
  rest %= 3'600'000'000;
  to += ':';
  append_padded(to, rest / 60'000'000, 2);
  rest %= 60'000'000;
  to += ':';
  append_padded(to, rest / 1'000'000, 2);
  rest %= 1'000'000;
  to += '.';
  if (rest % 1000 == 0) {
    append_padded(to, rest / 1000, 3);
  } else {
    append_padded(to, rest, 6);
  }
  to += 'Z';
  return true;
}

}  // namespace pulse::values
