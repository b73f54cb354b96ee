#include "commands/dev_greeting.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace pulse::commands {

namespace json = boost::json;

namespace {

// As the README has it.
constexpr const char* application = R"(
  import {{ PrismaClient }} from '@prisma/client'
  import {{ withPulse }} from '@prisma/extension-pulse/node' // with "moduleResolution": "node", omit /node

  const endpoint = '{}'
  const pulse = withPulse({{ apiKey: process.env.PULSE_API_KEY!, endpoint }} as {{ apiKey: string }})
  const prisma = new PrismaClient().$extends(pulse) // Prisma 7: pass your adapter to PrismaClient
)";

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

}  // namespace

std::string greeting_for_people(const dev_facts& facts) {
  auto text =
      fmt::format("Pulse captures {} and serves streams on {}\n", facts.database, facts.endpoint);
  if (!facts.throwaway_url.empty() || !facts.api_key.empty()) {
    text += "\nIn the application's .env, for this run:\n\n";
    if (!facts.throwaway_url.empty())
      text += fmt::format("  DATABASE_URL=\"{}\"\n", facts.throwaway_url);
    if (!facts.api_key.empty()) text += fmt::format("  PULSE_API_KEY=\"{}\"\n", facts.api_key);
  }
  text += "\nIn the application:\n";
  text += fmt::format(application, facts.endpoint);
  text += fmt::format("\nOther commands: PULSE_DATA_DIR={} pulse streams list --project {}\n",
                      facts.data_dir.string(), facts.project);
  text +=
      "\nEvents of all tables follow (Ctrl-C ends Pulse and removes everything that it created):";
  return text;
}

std::string greeting_for_scripts(const dev_facts& facts) {
  return json::serialize(
      json::object{{"ready", json::object{{"endpoint", facts.endpoint},
                                          {"apiKey", text_or_null(facts.api_key)},
                                          {"databaseUrl", text_or_null(facts.throwaway_url)},
                                          {"dataDir", facts.data_dir.string()},
                                          {"project", facts.project}}}});
}

}  // namespace pulse::commands
