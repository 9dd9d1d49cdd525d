# Converts @FILE@ (@WHAT@) to ONNX, compares the two,
# and writes predictions.csv for: trestle golden DIR --from predictions.csv
#
# @WARNING@
#
# pip install @REQUIREMENTS@
# python @SCRIPT@@ARGUMENTS@
