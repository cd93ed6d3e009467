import OwnParts

let result = try Demo.run()
print("\(result.sent) beats sent, \(result.received) received, \(result.heard) frames heard by the sensor")
print(result.check)
