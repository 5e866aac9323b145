# Ask with Ruby; SERVICE, KEY, TOKEN and CHALLENGE come from the environment. Untested.
require "json"
require "net/http"

# region: ruby
answer = Net::HTTP.post(
  URI("#{ENV.fetch("SERVICE")}/v1/login/verify"),
  JSON.generate(token: ENV.fetch("TOKEN"), challenge: ENV.fetch("CHALLENGE")),
  "Content-Type" => "application/json", "Authorization" => "Bearer #{ENV.fetch("KEY")}"
)
abort "no verdict: #{answer.code}" unless answer.code == "200"
found = JSON.parse(answer.body)
abort "refused: #{found["code"]}" unless found["verdict"] == "accepted"
holder = found["login"]["holder"]
# endregion: ruby
puts holder["subject_serial"]
