// Structured logs: one line an event, on standard error, as text for people or JSON for machines.
//
//   log_info("source", "slot created", {{"slot", name}, {"lsn", to_string(start)}});
//
// A value from outside is cut and escaped here (base/shown_text.hpp).
//
// Never pass a key, a password, a connection string or row data.
#pragma once

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace pulse {

enum class log_level { debug, info, warning, error };
enum class log_format { text, json };

// Once, at start-up, before other threads log.
void configure_logging(log_level least, log_format format);

struct log_field {
  std::string_view name;
  std::string value;
  bool is_number = false;

  log_field(std::string_view field, std::string_view text) : name(field), value(text) {}
  log_field(std::string_view field, const char* text) : name(field), value(text) {}
  log_field(std::string_view field, const std::string& text) : name(field), value(text) {}
  template <class Number>
    requires std::integral<Number> || std::floating_point<Number>
  log_field(std::string_view field, Number number)
      : name(field), value(std::to_string(number)), is_number(true) {}
};

// `part` is the folder or component that speaks. Any thread.
void log_event(log_level level, std::string_view part, std::string_view message,
               std::initializer_list<log_field> fields = {});

inline void log_debug(std::string_view part, std::string_view message,
                      std::initializer_list<log_field> fields = {}) {
  log_event(log_level::debug, part, message, fields);
}
inline void log_info(std::string_view part, std::string_view message,
                     std::initializer_list<log_field> fields = {}) {
  log_event(log_level::info, part, message, fields);
}
inline void log_warning(std::string_view part, std::string_view message,
                        std::initializer_list<log_field> fields = {}) {
  log_event(log_level::warning, part, message, fields);
}
inline void log_error(std::string_view part, std::string_view message,
                      std::initializer_list<log_field> fields = {}) {
  log_event(log_level::error, part, message, fields);
}

}  // namespace pulse
