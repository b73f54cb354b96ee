#include "base/logging.hpp"

#include <atomic>
#include <charconv>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "base/shown_numbers.hpp"
#include "base/shown_text.hpp"

namespace pulse {
namespace {

std::atomic<log_format> chosen_format{log_format::text};

spdlog::level::level_enum to_spdlog(log_level level) {
  switch (level) {
    case log_level::debug:
      return spdlog::level::debug;
    case log_level::info:
      return spdlog::level::info;
    case log_level::warning:
      return spdlog::level::warn;
    case log_level::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = spdlog::stderr_color_mt("pulse");
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%-5l%$ %v", spdlog::pattern_time_type::utc);
    return made;
  }();
  return *instance;
}

std::string json_line(std::string_view part, std::string_view message,
                      std::initializer_list<log_field> fields) {
  std::string line = R"("part":)";
  append_shown_json(line, part);
  line += R"(,"message":)";
  append_shown_json(line, message);
  for (const auto& field : fields) {
    line += ',';
    append_shown_json(line, field.name);
    line += ':';
    if (field.is_number) {
      line += field.value;
    } else {
      append_shown_json(line, field.value);
    }
  }
  return line;
}

// Numbers of bytes, as people read them: "1.4GiB". In JSON they are exact.
std::optional<std::string> bytes_in(const log_field& field) {
  if (!field.is_number || !field.name.ends_with("_bytes")) return std::nullopt;
  std::uint64_t bytes = 0;
  const auto* end = field.value.data() + field.value.size();
  const auto [rest, failed] = std::from_chars(field.value.data(), end, bytes);
  if (failed != std::errc() || rest != end) return std::nullopt;
  auto shown = shown_bytes(bytes);
  std::erase(shown, ' ');
  return shown;
}

std::string text_line(std::string_view part, std::string_view message,
                      std::initializer_list<log_field> fields) {
  std::string line(part);
  line += ": ";
  line += cut_and_shown(message);
  for (const auto& field : fields) {
    line += ' ';
    line += field.name;
    line += '=';
    if (const auto bytes = bytes_in(field)) {
      line += *bytes;
      continue;
    }
    const bool plain = !field.value.empty() && field.value.size() <= shown_bytes_max &&
                       field.value.find_first_of(" \"\\") == std::string::npos &&
                       !has_hidden(field.value);
    if (plain) {
      line += field.value;
    } else {
      append_shown_json(line, field.value);
    }
  }
  return line;
}

}  // namespace

void configure_logging(log_level least, log_format format) {
  chosen_format = format;
  logger().set_level(to_spdlog(least));
  if (format == log_format::json) {
    logger().set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})",
                         spdlog::pattern_time_type::utc);
  }
}

void log_event(log_level level, std::string_view part, std::string_view message,
               std::initializer_list<log_field> fields) {
  const auto severity = to_spdlog(level);
  if (!logger().should_log(severity)) return;
  logger().log(severity, "{}",
               chosen_format == log_format::json ? json_line(part, message, fields)
                                                 : text_line(part, message, fields));
}

}  // namespace pulse
